/** Which devices are parts of one: the virtual functions of one network card. */
export interface DeviceParents {
  /**
   * What the device, given by its id or as an interface of the node, is a part of; the same text for all parts of one. A device that is part of
   * nothing, or not known, is its own.
   */
  of(device: string): Promise<string>;
}
