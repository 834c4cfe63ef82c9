/** Company records entered by hand (provider integrations, section 2). */
import { Effect } from "effect"
import { SqlClient } from "effect/sql"

export const companies = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  // Only added to: the newest row of a number counts, until the vendor has answered (`superseded_at`).
  yield* sql`
    create table manual_companies (
      id integer generated always as identity primary key,
      business_number text not null check (business_number ~ '^[1-9][0-9]{9}$'),
      name text not null check (char_length(name) between 1 and 200),
      representative text check (char_length(representative) between 1 and 200),
      state text not null check (state in ('ACTIVE', 'SUSPENDED', 'CLOSED')),
      established_on text check (established_on ~ '^(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$'),
      industry text check (char_length(industry) between 1 and 200),
      postal_code text check (postal_code ~ '^[0-9]{5}$'),
      address text check (char_length(address) between 1 and 300),
      address_detail text check (char_length(address_detail) between 1 and 300),
      note text check (char_length(note) between 1 and 1000),
      entered_by text not null check (char_length(entered_by) between 1 and 200),
      entered_at timestamptz not null,
      superseded_at timestamptz,
      constraint manual_companies_superseded_later check (superseded_at >= entered_at)
    )`
  yield* sql`create index manual_companies_newest on manual_companies (business_number, id desc)`
})
