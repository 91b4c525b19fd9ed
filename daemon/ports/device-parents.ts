/** Which devices are parts of one: the virtual functions of one network card. */
export interface DeviceParents {
  /**
   * What the device is a part of; the same text for all parts of one. A device that is part of nothing, or not known, is its own.
   * @param device its id, its path in sysfs, or an interface of the node by name or MAC address
   */
  of(device: string): Promise<string>;
}
