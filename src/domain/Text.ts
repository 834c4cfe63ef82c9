/** Text that PostgreSQL can store: no NUL, no lone surrogate, not blank. Lengths count code points, as the database does. */
import { Schema } from "effect"

const problem = (value: string, maxLength: number): string | undefined => {
  if (value.trim() === "") return "must not be empty"
  if (value.includes("\0")) return "must not contain NUL"
  if (!value.isWellFormed()) return "must not contain a lone surrogate"
  if (value.length > maxLength && [...value].length > maxLength) return `must have at most ${maxLength} characters`
  return undefined
}

/** Non-blank text of at most `maxLength` code points. */
export const text = (maxLength: number) =>
  Schema.String.check(
    Schema.makeFilter((value: string) => problem(value, maxLength), {
      expected: `text of 1 to ${maxLength} characters`,
      toJsonSchema: () => ({ minLength: 1, maxLength }),
      arbitraryConstraint: { minLength: 1, maxLength }
    })
  )

/** A short machine-readable word, e.g. a code or a key: 1 to 50 characters. */
export const code = text(50)

/** A name for people: 1 to 200 characters. */
export const name = text(200)
