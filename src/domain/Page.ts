/** One page of a list. Lists have a stable order; `total` counts all that match the filter. */
export interface PageRequest {
  /** From 1. */
  readonly page: number
  /** 1 to 100. */
  readonly limit: number
}

export interface Page<A> {
  readonly data: ReadonlyArray<A>
  readonly total: number
}
