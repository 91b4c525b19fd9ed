/** Tells of what is wrong: of each subject once, and again when it says something else or comes back. */
export interface Notices {
  problem(subject: string, message: string): void;
  /** It works again. */
  over(subject: string): void;
}

export function makeNotices(onProblem: (message: string) => void): Notices {
  const told = new Map<string, string>();
  return {
    problem(subject, message) {
      if (told.get(subject) === message) return;
      told.set(subject, message);
      onProblem(`${subject}: ${message}`);
    },
    over(subject) {
      told.delete(subject);
    },
  };
}
