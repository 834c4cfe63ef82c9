/** From what went wrong to the `errors` of a problem document. Messages never contain the value that was sent. */
import { type Schema, SchemaIssue } from "effect"
import { ValidationProblem, type ProblemIssue } from "../api/Problems.ts"

const standard = SchemaIssue.makeFormatterStandardSchemaV1()

/** Every issue of a decoding failure; `prefix` for what is not the body, e.g. `query`. */
export const issuesOf = (error: Schema.SchemaError, prefix = ""): ReadonlyArray<ProblemIssue> => {
  const issues = standard(error.issue).issues.map((issue) => ({
    path: formatPath([...(prefix === "" ? [] : [prefix]), ...(issue.path ?? []).map(segment)]),
    message: issue.message
  }))
  return unique(issues)
}

/** `items[0].quantity`; also for a path in dots: `items.0.quantity`. */
export const formatPath = (segments: ReadonlyArray<PropertyKey>): string => {
  let path = ""
  for (const part of segments) {
    const text = String(part)
    path += /^\d+$/.test(text) && path !== "" ? `[${text}]` : path === "" ? text : `.${text}`
  }
  return path
}

/** The 400 for these issues. */
export const validationProblem = (errors: ReadonlyArray<ProblemIssue>): ValidationProblem =>
  new ValidationProblem({
    detail: errors.length === 1 ? "One value is not valid" : `${errors.length} values are not valid`,
    errors
  })

const segment = (part: PropertyKey | { readonly key: PropertyKey }): PropertyKey =>
  typeof part === "object" ? part.key : part

const unique = (issues: ReadonlyArray<ProblemIssue>): ReadonlyArray<ProblemIssue> => {
  const seen = new Set<string>()
  return issues.filter(({ message, path }) => {
    const key = `${path}\n${message}`
    return !seen.has(key) && seen.add(key)
  })
}
