/**
 * A second opinion on what a circuit breaker does: slow, mutable, written from the specification and not from the state
 * machine. It keeps every call and recounts everything from the whole history each time.
 */
import { Duration } from "effect"
import type { CircuitSettings } from "../../../src/services/resilience/CircuitSettings.ts"

interface Call {
  readonly id: number
  readonly period: number
  readonly startedAt: number
}

interface Answer {
  readonly period: number
  readonly at: number
  readonly failed: boolean
  readonly slow: boolean
}

export class NaiveBreaker {
  state: "CLOSED" | "OPEN" | "HALF_OPEN" = "CLOSED"
  hold: "automatic" | "open" | "closed" = "automatic"
  /** Every change of state or hold begins a period. */
  period = 0
  changedAt: number | null = null
  history: Array<string> = []
  private failuresInARow = 0
  private answers: Array<Answer> = []
  private running: Array<Call> = []
  private successfulTrials = 0
  private trialsSince = 0
  private readonly settings: CircuitSettings

  constructor(settings: CircuitSettings) {
    this.settings = settings
  }

  get consecutiveFailures(): number {
    return this.failuresInARow
  }

  get openUntil(): number | null {
    return this.state === "OPEN" && this.hold === "automatic" ? (this.changedAt ?? 0) + this.openFor : null
  }

  /** The breaker notices what is due only when it is spoken to. */
  look(now: number): void {
    if (this.state === "HALF_OPEN" && this.trials().length > 0 && now - this.trialsSince >= this.limit) {
      this.change("OPEN", "half-open-limit", this.trialsSince + this.limit)
    }
  }

  /** When a call would pass if nobody else did anything. */
  retryAt(now: number): number | null {
    if (this.hold === "open") return null
    if (this.state === "OPEN") return Math.max(now, this.openUntil ?? 0)
    if (this.state === "HALF_OPEN" && this.trialSlots() === 0) return this.trialsSince + this.limit + this.openFor
    return now
  }

  /** True = it runs. */
  start(id: number, now: number): boolean {
    this.look(now)
    if (this.hold === "open") return false
    if (this.openUntil !== null && now >= this.openUntil) this.change("HALF_OPEN", "open-elapsed", now)
    if (this.state === "OPEN") return false
    if (this.state === "HALF_OPEN") {
      if (this.trialSlots() === 0) return false
      if (this.trials().length === 0) this.trialsSince = now
    }
    this.running.push({ id, period: this.period, startedAt: now })
    return true
  }

  end(id: number, outcome: "success" | "failure" | "ignored", now: number): void {
    this.look(now)
    const call = this.running.find((running) => running.id === id)
    this.running = this.running.filter((running) => running.id !== id)
    if (call === undefined || call.period !== this.period || this.hold !== "automatic" || outcome === "ignored") return
    const slower = this.settings.rates?.slowCalls?.slowerThan
    const slow = slower !== undefined && now - call.startedAt > Duration.toMillis(slower)
    const failed = outcome === "failure"
    this.failuresInARow = failed ? this.failuresInARow + 1 : 0
    if (this.state === "CLOSED") {
      this.answers.push({ period: this.period, at: now, failed, slow })
      const reason = this.tripped()
      if (reason !== null) this.change("OPEN", reason, now)
    } else if (failed || slow) {
      this.change("OPEN", "trial-failed", now)
    } else {
      this.successfulTrials++
      if (this.successfulTrials === this.settings.halfOpenTrials) this.change("CLOSED", "trials-succeeded", now)
    }
  }

  forceOpen(now: number): void {
    this.look(now)
    if (this.hold === "open") return
    this.change("OPEN", "forced-open", now)
    this.hold = "open"
  }

  forceClosed(now: number): void {
    this.look(now)
    if (this.hold === "closed") return
    this.change("CLOSED", "forced-closed", now)
    this.hold = "closed"
  }

  reset(now: number): void {
    this.look(now)
    this.change("CLOSED", "reset", now)
  }

  private get openFor(): number {
    return Duration.toMillis(this.settings.openFor)
  }

  private get limit(): number {
    return Duration.toMillis(this.settings.halfOpenLimit)
  }

  private trials(): ReadonlyArray<Call> {
    return this.running.filter((call) => call.period === this.period)
  }

  private trialSlots(): number {
    return this.settings.halfOpenTrials - this.successfulTrials - this.trials().length
  }

  private change(to: NaiveBreaker["state"], reason: string, at: number): void {
    this.history.push(`${this.state} ${to} ${at} ${reason}`)
    this.state = to
    this.hold = "automatic"
    this.changedAt = at
    this.period++
    this.successfulTrials = 0
    if (to === "CLOSED") this.failuresInARow = 0
  }

  private tripped(): string | null {
    const { failures, rates } = this.settings
    if (failures !== undefined && this.failuresInARow >= failures) return "consecutive-failures"
    if (rates === undefined) return null
    const all = this.answers.filter((answer) => answer.period === this.period)
    const last = all.at(-1)?.at ?? 0
    const tenth = "duration" in rates.window ? Duration.toMillis(rates.window.duration) / 10 : 0
    const inWindow =
      "calls" in rates.window
        ? all.slice(-rates.window.calls)
        : all.filter((answer) => Math.floor(answer.at / tenth) > Math.floor(last / tenth) - 10)
    const share = (counted: ReadonlyArray<Answer>) => counted.length / inWindow.length
    if (inWindow.length < rates.minimumCalls) return null
    if (rates.failureRate !== undefined && share(inWindow.filter((answer) => answer.failed)) >= rates.failureRate) {
      return "failure-rate"
    }
    if (rates.slowCalls !== undefined && share(inWindow.filter((answer) => answer.slow)) >= rates.slowCalls.rate) {
      return "slow-call-rate"
    }
    return null
  }
}
