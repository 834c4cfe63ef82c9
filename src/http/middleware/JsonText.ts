/**
 * What JSON text must not contain, found on the raw text before it is parsed: more nesting than a parser or a database
 * should be given, and text that PostgreSQL cannot store (NUL, lone surrogates). Pure.
 */
import type { ProblemIssue } from "../api/Problems.ts"

/** Deepest nesting of objects and arrays. */
export const maxDepth = 64

/** Is it nested deeper than `maxDepth`? One pass, no recursion. */
export const isTooDeep = (text: string): boolean => {
  let depth = 0
  for (let index = 0; index < text.length; index++) {
    switch (text.charCodeAt(index)) {
      case quote:
        index = endOfString(text, index)
        break
      case openBrace:
      case openBracket:
        if (++depth > maxDepth) return true
        break
      case closeBrace:
      case closeBracket:
        depth--
    }
  }
  return false
}

/**
 * Can it contain NUL or half a surrogate pair? In JSON text, decoded from valid UTF-8, both can only be written as an
 * escape: nearly every text answers no at once.
 */
export const mayHoldUnstorableText = (text: string): boolean => /\\u(?:0000|[dD][89a-fA-F])/.test(text)

/** Every text in a parsed value (keys too) that PostgreSQL cannot store. */
export const unstorableText = (value: unknown): ReadonlyArray<ProblemIssue> => {
  const issues: Array<ProblemIssue> = []
  const check = (text: string, path: string) => {
    if (text.includes("\0")) issues.push({ path, message: "must not contain NUL" })
    if (!text.isWellFormed()) issues.push({ path, message: "must not contain a lone surrogate" })
  }
  const walk = (node: unknown, path: string) => {
    if (typeof node === "string") return check(node, path)
    if (Array.isArray(node)) return node.forEach((item, index) => walk(item, `${path}[${index}]`))
    if (typeof node === "object" && node !== null) {
      for (const [key, item] of Object.entries(node)) {
        // The path goes into an answer, which is JSON text again.
        const at = path === "" ? key.toWellFormed() : `${path}.${key.toWellFormed()}`
        check(key, at)
        walk(item, at)
      }
    }
  }
  walk(value, "")
  return issues
}

const quote = 0x22
const backslash = 0x5c
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d

/** Index of the closing quote of the string that opens at `start`; the end of the text when it does not close. */
const endOfString = (text: string, start: number): number => {
  for (let index = start + 1; index < text.length; index++) {
    const char = text.charCodeAt(index)
    if (char === backslash) index++
    else if (char === quote) return index
  }
  return text.length
}
