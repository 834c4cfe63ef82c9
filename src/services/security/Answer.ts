/** What a request was answered, as far as it must be given again: to a repeated webhook, to a repeated POST. */
export interface Answer {
  /** HTTP status, 2xx. */
  readonly status: number
  /** JSON text; empty = no body. */
  readonly body: string
}

/** An answer, and whether it is the first one or that of an earlier request given again. */
export interface Answered {
  readonly answer: Answer
  readonly repeated: boolean
}
