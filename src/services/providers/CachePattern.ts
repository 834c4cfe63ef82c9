/**
 * Patterns over cache keys: `*` stands for any characters, also none, and `\` makes the next character mean itself. Every
 * other character means itself, also those that are special to SQL, Redis or regular expressions. Pure.
 */

/** The pattern in pieces: texts that mean themselves, with anything between them. */
const pieces = (pattern: string): ReadonlyArray<string> => {
  const found = [""]
  let escaped = false
  for (const character of pattern) {
    if (!escaped && character === "\\") escaped = true
    else if (!escaped && character === "*") found.push("")
    else {
      found.push(`${found.pop() ?? ""}${character}`)
      escaped = false
    }
  }
  // A backslash at the end has nothing to escape.
  if (escaped) found.push(`${found.pop() ?? ""}\\`)
  return found
}

/** A text as a pattern that matches only it. */
export const literal = (text: string): string => text.replace(/[\\*]/g, "\\$&")

export const matcher = (pattern: string): ((key: string) => boolean) => {
  const [first = "", ...rest] = pieces(pattern)
  const last = rest.pop()
  if (last === undefined) return (key) => key === first
  return (key) => {
    if (!key.startsWith(first)) return false
    // The earliest place for each piece leaves most room for the next.
    let from = first.length
    for (const piece of rest) {
      const at = key.indexOf(piece, from)
      if (at < 0) return false
      from = at + piece.length
    }
    return key.length - last.length >= from && key.endsWith(last)
  }
}

/** For SQL's `like … escape '\'`. */
export const like = (pattern: string): string =>
  pieces(pattern)
    .map((piece) => piece.replace(/[\\%_]/g, "\\$&"))
    .join("%")

/** For `MATCH` of Redis. */
export const glob = (pattern: string): string =>
  pieces(pattern)
    .map((piece) => piece.replace(/[\\*?[\]^]/g, "\\$&"))
    .join("*")
