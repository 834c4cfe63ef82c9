/** What a refusal means where nothing in the request was the caller's. */
import { Invalid, type Rejected } from "../../domain/IntegrationError.ts"

/**
 * A provider refused a request that we made by ourselves: our settings or its interface are wrong, not the caller. The
 * circuit has counted an answer; the next provider is asked, which `Rejected` would prevent.
 */
export const asOurs = ({ adapter, message, operation }: Rejected): Invalid =>
  new Invalid({ adapter, operation, message: `our own request was refused: ${message}`, issues: [] })
