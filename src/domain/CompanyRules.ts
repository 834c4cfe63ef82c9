/** What a company record says about a person and a name. Pure. */
import type { Company, CompanyState, RepresentativeMatch, Verification } from "./Company.ts"

/**
 * Whether the person is one of the representatives. Blanks, case, Unicode form and what stands in brackets (`홍길동(洪吉童)`)
 * make no difference; of several representatives each counts for itself. `홍길동 외 2명` names one of three, so for any other
 * person it is UNKNOWN.
 */
export const matchRepresentative = (written: string | null, person: string): RepresentativeMatch => {
  const wanted = bare(person)
  const named = (written ?? "").normalize("NFKC")
  const others = /외\s*\d+\s*(인|명)/u
  const names = named
    .replace(others, ",")
    .replace(/\([^)]*\)/gu, "")
    .split(/[,/·ㆍ;&]/u)
    .map(bare)
    .filter((name) => name !== "")
  if (names.length === 0 || wanted === "") return "UNKNOWN"
  if (names.includes(wanted)) return "MATCH"
  return others.test(named) ? "UNKNOWN" : "MISMATCH"
}

/** Whether two names are one company's: its legal form (`(주)`, `㈜`, `주식회사`, `Inc.`), blanks and case aside. */
export const isSameCompanyName = (one: string, other: string): boolean => withoutForm(one) === withoutForm(other)

/** Whether a company is in business, on more than one person's word, and has that name, if one is given. */
export const verify = (company: Company, name?: string): Verification => {
  const reason = whyNotVerified(company, name)
  return { businessNumber: company.businessNumber, verified: reason === null, reason, state: company.state }
}

const whyNotVerified = (company: Company, name: string | undefined): Verification["reason"] => {
  const state = whyNotInBusiness[company.state]
  if (state !== null) return state
  if (company.origin.kind === "manual") return "manual"
  if (name === undefined) return null
  if (company.name === null) return "name-unknown"
  return isSameCompanyName(company.name, name) ? null : "name-differs"
}

const whyNotInBusiness: Readonly<Record<CompanyState, Verification["reason"]>> = {
  ACTIVE: null,
  SUSPENDED: "suspended",
  CLOSED: "closed",
  UNKNOWN: "state-unknown"
}

const bare = (name: string): string => name.normalize("NFKC").replace(/\s+/gu, "").toLowerCase()

// NFKC makes `(주)` of `㈜`.
const withoutForm = (name: string): string => {
  const written = bare(name)
  const without = written
    .replace(/\((주|유|합|재|사)\)|주식회사|유한회사|유한책임회사|합자회사|합명회사|재단법인|사단법인/gu, "")
    .replace(/,?(co\.,?ltd\.?|inc\.?|corp\.?|ltd\.?|llc)$/u, "")
  return without === "" ? written : without
}
