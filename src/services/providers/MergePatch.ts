/**
 * JSON documents that change others (RFC 7396), and what differs between two. Pure.
 *
 * Members named `__proto__` are members like any other. Documents are as deep as the parser lets them be.
 */
import type { Schema } from "effect"

/** One value that differs. */
export interface Change {
  /** In dots, e.g. `providers.fx_primary.timeout`. */
  readonly path: string
  /** Null = not there. */
  readonly before: Schema.Json
  readonly after: Schema.Json
}

/** Objects are merged, null removes, everything else replaces. */
export const merged = (target: Schema.JsonObject, patch: Schema.JsonObject): Schema.JsonObject => {
  const members = new Map(Object.entries(target))
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) members.delete(name)
    else if (!isObject(value)) members.set(name, value)
    else {
      const before = members.get(name) ?? null
      members.set(name, merged(isObject(before) ? before : {}, value))
    }
  }
  return Object.fromEntries(members)
}

/** Without the objects that hold nothing. */
export const pruned = (object: Schema.JsonObject): Schema.JsonObject =>
  Object.fromEntries(
    Object.entries(object)
      .map(([name, value]): [string, Schema.Json] => [name, isObject(value) ? pruned(value) : value])
      .filter(([, value]) => !isObject(value) || Object.keys(value).length > 0)
  )

/** In the order of their paths. A list is one value. */
export const changes = (before: Schema.JsonObject, after: Schema.JsonObject): ReadonlyArray<Change> => {
  const [old, fresh] = [new Map(leaves("", before)), new Map(leaves("", after))]
  return [...new Set([...old.keys(), ...fresh.keys()])]
    .toSorted()
    .map((path) => ({ path, before: old.get(path) ?? null, after: fresh.get(path) ?? null }))
    .filter(({ after: now, before: then }) => JSON.stringify(now) !== JSON.stringify(then))
}

export const isObject = (value: Schema.Json): value is Schema.JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const leaves = (path: string, value: Schema.Json): ReadonlyArray<readonly [string, Schema.Json]> =>
  isObject(value)
    ? Object.entries(value).flatMap(([name, member]) => leaves(path === "" ? name : `${path}.${name}`, member))
    : [[path, value]]
