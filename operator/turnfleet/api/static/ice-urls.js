/**
 * What every URL of an answer comes to while a browser gathers: a relayed address and how fast, or
 * an error and what it means.
 */

import { normal, parse, urlsOf } from "./turnfleet-client.js";
import { within } from "./waiting.js";

const GATHER_WITHIN = 6000;

/**
 * @typedef {object} UrlReport
 * @property {string} url
 * @property {"waiting" | "candidate" | "error" | "silent" | "unused"} state
 * @property {number | null} ms from the start of gathering to the first candidate or error
 * @property {string | null} address the relayed address, where there is one
 * @property {number | null} code of the ICE error
 * @property {string} sentence what the state means
 */

/** Follow what every URL comes to on one connection. */
export function watchUrls(connection, iceServers, changed) {
  /** @type {Map<string, UrlReport>} */
  const reports = new Map(
    iceServers.flatMap(urlsOf).map((url) => [normal(url), firstReport(url)]),
  );
  let started = performance.now();
  let closed = false;
  const since = () => performance.now() - started;
  const gatheringEnded = new Promise((resolve) => {
    connection.addEventListener("icegatheringstatechange", () => {
      if (connection.iceGatheringState === "gathering") started = performance.now();
      if (connection.iceGatheringState === "complete") resolve(undefined);
    });
  });
  connection.addEventListener("icecandidate", (event) => {
    const report = reports.get(normal(event.candidate?.url ?? event.url ?? ""));
    if (!event.candidate || !report || report.state === "candidate") return;
    report.state = "candidate";
    report.ms = since();
    report.code = null;
    report.address = hostPort(event.candidate.address, event.candidate.port);
    report.sentence = "The relay gave this browser an address.";
    changed();
  });
  connection.addEventListener("icecandidateerror", (event) => {
    const report = reports.get(normal(event.url ?? ""));
    // One network interface may fail where another works: a candidate stands.
    if (!report || report.state === "candidate" || report.state === "unused") return;
    report.state = "error";
    report.ms ??= since();
    report.code = event.errorCode;
    report.sentence = sentenceOf(event, parse(report.url));
    changed();
  });
  return {
    report: () => [...reports.values()].map((report) => ({ ...report })),
    /** Wait for the slow URLs, but not the 40 s that a browser gives a silent one. */
    async gathered(signal) {
      await within(gatheringEnded, GATHER_WITHIN - since(), signal).catch((error) => {
        if (signal.aborted) throw error;
      });
      if (closed) return;
      closed = true;
      for (const report of reports.values()) {
        if (report.state !== "waiting") continue;
        report.state = "silent";
        report.sentence = "Nothing came of it in time: the address is silent, or a firewall drops it.";
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
    sentence: unused ? "STUN finds direct paths; this test allows relays only." : "Waiting for an answer.",
  };
}

/** Say what an icecandidateerror means. Codes: RFC 8656 section 19; 701 is the browser's own. */
function sentenceOf({ errorCode, errorText }, parts) {
  switch (errorCode) {
    case 701:
      return parts?.transport === "tls"
        ? "No TLS connection: this browser does not trust the certificate, or nothing answers. " +
            "Expected while relays use the self-signed certificate of a first start and its CA is not trusted here."
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
