/** CNI_COMMAND, for the verbs that plugins are run with. */
export type CniVerb = "ADD" | "DEL" | "CHECK" | "STATUS" | "GC";
