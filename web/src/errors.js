/** Something that the person can mend; its message says what, which value, and the remedy, on one line. */
export class UserError extends Error {
  name = "UserError";
}
