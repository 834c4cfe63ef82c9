/**
 * DRILL_PATIENCE: how many times as long the time limits are, on a machine that does something else meanwhile. Default 1.
 * It changes nothing about what counts as lost, duplicated or out of order.
 */
export const patience = Number(process.env["DRILL_PATIENCE"] ?? 1)
