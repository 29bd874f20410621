// Whales as rows of a file: every figure in full, moments in UTC, an empty cell for what is not known.
import { words } from "../static/format.js";

const coins = (sats) => (sats === null || sats === undefined ? "" : (sats / 1e8).toFixed(8));
const moment = (ms) => (ms ? new Date(ms).toISOString() : "");

const COLUMNS = [
  ["Transaction", (row) => row.txid],
  ["Demo", (row) => (row.demo ? "demo" : "")],
  ["Status", (row) => row.status],
  ["Flow", (row) => words.flows[row.flow][1]],
  ["Moved BTC", (row) => coins(row.moved)],
  ["Gross BTC", (row) => coins(row.gross)],
  ["From", (row) => row.from],
  ["To", (row) => row.to],
  ["sat/vB", (row) => row.rate],
  ["Urgency", (row) => row.urgency],
  ["Forecast block", (row) => row.block],
  ["Probability", (row) => row.p],
  ["Seen", (row) => moment(row.seen)],
  ["Ended", (row) => moment(row.ended)],
  ["Block", (row) => row.height],
  ["What came of it", (row) => (row.status === "pending" ? "" : row.words)],
];

export const csvOf = (rows) => [
  COLUMNS.map(([name]) => name),
  ...rows.map((row) => COLUMNS.map(([, read]) => read(row) ?? "")),
];
