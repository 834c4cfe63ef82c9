/**
 * Where requests of data services may be sent: rules of the form `[scheme://]host[:port]`, https where no scheme is given,
 * the scheme's own port where no port is given. `*.example.com` stands for every host below `example.com`, and not for
 * itself. Pure; it looks at names, not at what they resolve to.
 */
export interface HostRule {
  readonly protocol: string
  /** Without the `*.`. */
  readonly hostname: string
  readonly port: string
  readonly below: boolean
}

/** Undefined: the text is no rule. */
export const parse = (text: string): HostRule | undefined => {
  const [, scheme = "https://", below = "", host = ""] = /^(https?:\/\/)?(\*\.)?([^/*?#@\\\s]+)$/i.exec(text) ?? []
  if (host === "" || !URL.canParse(`${scheme}${host}`)) return undefined
  const { hostname, port, protocol } = new URL(`${scheme}${host}`)
  return { protocol, hostname, port, below: below !== "" }
}

/** The rule that allows where this URL leads. */
export const ruleOf = (url: string): HostRule => {
  const { hostname, port, protocol } = new URL(url)
  return { protocol, hostname, port, below: false }
}

/** `url`: one that can be parsed. */
export const isAllowed = (url: string, rules: ReadonlyArray<HostRule>): boolean => {
  const { hostname, port, protocol } = new URL(url)
  return rules.some(
    (rule) =>
      rule.protocol === protocol &&
      rule.port === port &&
      (rule.below ? hostname.endsWith(`.${rule.hostname}`) : hostname === rule.hostname)
  )
}
