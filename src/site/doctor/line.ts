/** What one check found. */
export type DoctorLine = {
  readonly check: string;
  /** warn: it works, but less well; fail: it does not work. */
  readonly level: "ok" | "warn" | "fail";
  readonly text: string;
  /** What to do; null where nothing needs doing. */
  readonly fix: string | null;
};

export const ok = (check: string, text: string): DoctorLine => ({ check, level: "ok", text, fix: null });
export const warn = (check: string, text: string, fix: string): DoctorLine => ({ check, level: "warn", text, fix });
export const fail = (check: string, text: string, fix: string): DoctorLine => ({ check, level: "fail", text, fix });
