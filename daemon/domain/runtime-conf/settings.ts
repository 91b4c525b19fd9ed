import type { RuntimeConfTemplate } from "./runtime-conf.ts";

/** Where the runtime's conf goes, and what becomes it. Directories are absolute paths without a slash at their end, as the daemon sees them. */
export interface RuntimeConfSettings {
  /** The directory that the runtime reads. */
  readonly directory: string;
  /** The name of the conf there. */
  readonly fileName: string;
  /** The file name of the executable. */
  readonly type: string;
  readonly source:
    | { readonly is: "primary"; readonly primary: PrimarySettings; readonly readinessIndicatorFile: string | undefined }
    /** A conf that somebody wrote, to be copied. */
    | { readonly is: "file"; readonly path: string };
}

export interface PrimarySettings {
  /** Where the default network's conf is looked for. */
  readonly directory: string;
  /** The one file to take; otherwise the first that can be. */
  readonly fileName: string | undefined;
  /** Its `cniVersion` is made the one of the runtime's conf. */
  readonly forceCniVersion: boolean;
  readonly template: RuntimeConfTemplate;
}
