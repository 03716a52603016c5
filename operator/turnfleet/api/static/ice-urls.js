/**
 * What every URL of an answer comes to while a browser gathers: a relayed address and how fast, or
 * an error and what it means.
 */

import { normal, parse, urlsOf } from "./turnfleet-client.js";
import { within } from "./waiting.js";

/**
 * @typedef {object} UrlReport
 * @property {string} url
 * @property {"waiting" | "candidate" | "error" | "silent" | "untold" | "unused"} state
 * @property {number | null} ms from the start of gathering to the first candidate or error
 * @property {string | null} address the relayed address, where there is one
 * @property {number | null} code of the ICE error
 * @property {string} sentence what the state means
 */

/** Follow what every URL comes to on one connection; `changed` is called whenever there is news. */
export function watchUrls(connection, iceServers, changed = () => {}) {
  /** @type {Map<string, UrlReport>} */
  const reports = new Map(iceServers.flatMap(urlsOf).map((url) => [normal(url), firstReport(url)]));
  const all = () => [...reports.values()];
  let relayed = false;
  let nameless = false;
  let started = performance.now();
  let finish;
  const finished = new Promise((resolve) => (finish = resolve));

  const settle = (url, report) => {
    Object.assign(reports.get(url), report, { ms: performance.now() - started });
    if (all().every(({ state }) => state !== "waiting")) finish();
    changed();
  };
  connection.addEventListener("icegatheringstatechange", () => {
    if (connection.iceGatheringState === "gathering") started = performance.now();
    if (connection.iceGatheringState === "complete") finish();
  });
  connection.addEventListener("icecandidate", (event) => {
    if (!event.candidate) return;
    const url = normal(event.candidate.url ?? event.url ?? "");
    relayed ||= event.candidate.type === "relay";
    nameless ||= url === "";
    if (!reports.has(url) || reports.get(url).state === "candidate") return;
    const address = hostPort(event.candidate.address, event.candidate.port);
    settle(url, { state: "candidate", code: null, address, sentence: `Relays as ${address}.` });
  });
  connection.addEventListener("icecandidateerror", (event) => {
    const url = normal(event.url ?? "");
    // One network interface may fail where another works: a candidate stands.
    if (reports.get(url)?.state !== "waiting") return;
    settle(url, { state: "error", code: event.errorCode, sentence: sentenceOf(event) });
  });
  return {
    report: () => all().map((report) => ({ ...report })),
    usable: () => relayed,
    /** Wait until every URL has come to something, but not the 40 s that a browser gives a silent one. */
    answered: (ms, signal) => within(finished, ms, signal),
    /** Give up on the URLs that have not answered. */
    close() {
      for (const report of all().filter(({ state }) => state === "waiting")) {
        // Firefox tells neither with a candidate nor in its statistics which URL it is from.
        report.state = nameless ? "untold" : "silent";
        report.sentence = nameless
          ? "This browser does not say which URLs its relayed addresses came from."
          : "No answer yet when the browser stopped asking: nothing is there, or a firewall drops it.";
      }
      changed();
    },
  };
}

function firstReport(url) {
  const unused = parse(url)?.scheme.startsWith("stun") ?? false;
  return {
    url,
    state: unused ? "unused" : "waiting",
    ms: null,
    address: null,
    code: null,
    sentence: unused
      ? "STUN finds direct paths; this test allows relays only."
      : "Waiting for an answer.",
  };
}

/** Say what an icecandidateerror means. Codes: RFC 8656 section 19; 701 is the browser's own. */
function sentenceOf({ url, errorCode, errorText }) {
  switch (errorCode) {
    case 701:
      return parse(url)?.transport === "tls"
        ? "No TLS connection: this browser does not trust the certificate, or nothing answers."
        : "No answer: the relay is down, or a firewall between here and there drops this transport.";
    case 401:
      return "The relay refused the credential: it signs with another secret, or the credential has expired.";
    case 403:
      return "The relay refuses new allocations: it is draining, or may not serve this client.";
    case 437:
      return "The relay still holds an allocation from this port; another try uses another port.";
    case 442:
      return "The relay does not offer this transport.";
    case 486:
      return "This user has as many allocations as the relay allows.";
    case 508:
      return "The relay has no free port left.";
    default:
      return `The relay answered ${errorCode}${errorText ? `: ${errorText}` : ""}.`;
  }
}

/** Return one text for an address and a port. */
export function hostPort(address, port) {
  if (!address) return null;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
