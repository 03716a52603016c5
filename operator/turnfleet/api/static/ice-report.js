/**
 * Tells a turnfleet endpoint how its relays did for one connection. Depends on nothing, reads no
 * address, and sends one small message per answer of the endpoint. Any page may import it from
 * /api/ice-report.js of an endpoint, or copy it.
 *
 *     const answer = await fetch(`${endpoint}/api/get-ice-servers`, { method: "POST" });
 *     const connection = new RTCPeerConnection({ iceServers: await answer.json() });
 *     observe(connection, { rid: answer.headers.get("X-Turnfleet-Rid") });
 *
 * Call it before setLocalDescription: gathering is what it watches.
 */

/** Bytes of a report; the endpoint refuses longer ones. */
const SIZE_MAX = 1024;
/** ms after connecting until the choice of a pair and the slower relays are taken as they are. */
const SETTLE = 2000;
/** ms of gathering after which no end of the connection is waited for. */
const PATIENCE = 90_000;
/** ms of checks after which a connection has failed, whatever the browser still hopes for. */
const HOPELESS = 30_000;
/** ms that the endpoint takes as a time; a browser gives up on a relay after 40 s. */
const MS_MAX = 60_000;
/** ms for which a browser surely remembers what a name resolved to. */
const NAME_KEPT = 30_000;

/** When each host name last gave a candidate in this page, by `performance.now()`. */
const resolved = new Map();

/**
 * Watch a connection, and report once: when it is known what became of it, or when the page goes.
 *
 * @param {RTCPeerConnection} connection one that has not begun to gather
 * @param {object} what
 * @param {string} what.rid token of the answer: the header X-Turnfleet-Rid, or `rid` of format=config
 * @param {string} [what.url] where to report: /api/ice-report of the endpoint this module is from
 * @param {string} [what.engine] chromium, firefox, webkit or other; found out if not given
 * @param {string} [what.connectionType] what was given to the endpoint, if anything was
 * @returns {{report: () => object, send: () => boolean}} what would be sent now; send it at once,
 *   false if it was sent before
 */
export function observe(
  connection,
  { rid, url = new URL("ice-report", import.meta.url).href, engine, connectionType },
) {
  const seen = watch(connection);
  let pair = null;
  let sent = false;
  let timer = null;

  const report = () => ({
    rid,
    engine: engine ?? engineOf(navigator),
    outcome: seen.outcome === "gathered" && seen.hopeless() ? "failed" : seen.outcome,
    ...(connectionType && { connectionType }),
    ...(seen.connect !== null && { connect: tenths(seen.connect) }),
    ...(pair && { pair }),
    ...seen.gathered(),
  });
  const send = () => {
    if (sent) return false;
    sent = true;
    clearTimeout(timer);
    removeEventListener("pagehide", send);
    deliver(url, fitting(report()));
    return true;
  };
  // Statistics come later than a page that goes can wait for, so they are kept as they become known.
  const look = () => selected(connection, seen.urlAsOffered).then((found) => (pair = found ?? pair));

  addEventListener("pagehide", send);
  seen.onOutcome = async () => {
    clearTimeout(timer);
    timer = setTimeout(() => look().finally(send), seen.outcome === "connected" ? SETTLE : 0);
    await look();
  };
  seen.onStart = () => (timer = setTimeout(send, PATIENCE));
  return { report, send };
}

/** Follow the events of a connection; times are by `performance.now()`. */
function watch(connection) {
  const candidates = new Map();
  const errors = new Map();
  const reflexive = new Map();
  let offered = null;
  let began = null;
  let host = null;
  let checking = null;
  const seen = {
    outcome: "gathered",
    /** ms from the first check to the connection. */
    connect: null,
    hopeless: () => checking !== null && performance.now() - checking >= HOPELESS,
    onOutcome: () => {},
    onStart: () => {},
    urlAsOffered: (url) => {
      offered ??= urlsOf(connection);
      return offered.get(normal(url));
    },
    gathered: () => gathered({ candidates, errors, reflexive, zero: host ?? began }),
  };
  connection.addEventListener("icegatheringstatechange", () => {
    if (connection.iceGatheringState !== "gathering" || began !== null) return;
    began = performance.now();
    seen.onStart();
  });
  connection.addEventListener("icecandidate", ({ candidate, url: older }) => {
    const now = performance.now();
    if (!candidate?.candidate) return;
    if (candidate.type === "host") host ??= now;
    const url = candidate.url ?? older ?? "";
    if (candidate.type === "srflx" && !reflexive.has(place(url))) reflexive.set(place(url), now);
    const known = candidate.type === "relay" ? seen.urlAsOffered(url) : undefined;
    // The first of them: others are from slower networks of this machine.
    if (known === undefined || candidates.has(known)) return;
    candidates.set(known, { at: now, ...temperature(known, began ?? now) });
  });
  connection.addEventListener("icecandidateerror", ({ url, errorCode }) => {
    const known = seen.urlAsOffered(url ?? "");
    // A relay's own words say more than 701, which only says that there were none.
    if (known !== undefined && (errors.get(known) ?? 701) === 701) errors.set(known, errorCode);
  });
  connection.addEventListener("iceconnectionstatechange", () => {
    if (connection.iceConnectionState === "checking") checking ??= performance.now();
  });
  connection.addEventListener("connectionstatechange", () => {
    const state = connection.connectionState;
    if ((state !== "connected" && state !== "failed") || seen.outcome !== "gathered") return;
    const took = performance.now() - (checking ?? NaN);
    seen.connect = state === "connected" && took <= MS_MAX ? took : null;
    seen.outcome = state;
    seen.onOutcome();
  });
  return seen;
}

/** Put what was gathered into the words of a report; `zero` is when gathering began. */
function gathered({ candidates, errors, reflexive, zero }) {
  const times = [...candidates]
    .map(([url, { at, ...cold }]) => ({ url, ms: tenths(at - zero), ...cold }))
    .filter(({ ms }) => ms <= MS_MAX);
  const failed = [...errors]
    .filter(([url, code]) => !candidates.has(url) && code >= 300 && code < 800)
    .map(([url, code]) => ({ url, code }));
  const start = startOf({ candidates, reflexive, zero });
  return {
    ...(times.length && { times }),
    ...(start !== null && { start }),
    ...(failed.length && { errors: failed }),
  };
}

/**
 * Return how long the browser waited before it asked relays, ms, where that can be known.
 *
 * STUN is sent at once and takes one round trip, an allocation by UDP two, so the rest is the wait.
 * The fastest relay tells it best, and behind a NAT it is the only one whose STUN shows.
 */
function startOf({ candidates, reflexive, zero }) {
  let best = null;
  for (const [url, { at, cold }] of candidates) {
    const stun = reflexive.get(place(url));
    if (stun === undefined || cold || normal(url)?.endsWith("/udp") !== true) continue;
    if (best === null || stun < best.stun) best = { stun, at };
  }
  return best && tenths(Math.max(0, best.at - zero - 2 * (best.stun - zero)));
}

/** Tell whether a URL's name may have had to be resolved; nothing of an address. */
function temperature(url, began) {
  const name = hostOf(url);
  if (/^\[|^[\d.]+$/.test(name)) return {};
  const before = resolved.get(name);
  const now = performance.now();
  // What this gathering resolved itself, for another URL of the same relay, was cold as well.
  if (before === undefined || before < began) resolved.set(name, now);
  return { cold: before === undefined || before >= began || now - before > NAME_KEPT };
}

/** Return the pair of candidates in use, in the words of a report; null where there is none. */
async function selected(connection, urlAsOffered) {
  const stats = await connection.getStats().catch(() => new Map());
  const all = [...stats.values()];
  const transport = all.find(({ type }) => type === "transport");
  // Firefox has no transport entry, but marks the pair itself.
  const pair =
    stats.get(transport?.selectedCandidatePairId) ??
    all.find(({ type, selected: chosen }) => type === "candidate-pair" && chosen);
  const local = stats.get(pair?.localCandidateId);
  const remote = stats.get(pair?.remoteCandidateId);
  if (!local || !remote) return null;
  const url = local.candidateType === "relay" ? urlAsOffered(local.url ?? "") : undefined;
  return {
    local: local.candidateType,
    remote: remote.candidateType,
    protocol: (local.relayProtocol || local.protocol).toLowerCase(),
    ...(url && { url }),
    ...(pair.currentRoundTripTime !== undefined && {
      rtt: tenths(pair.currentRoundTripTime * 1000),
    }),
  };
}

/** Write a report in as many bytes as it may have: what says least goes first. */
function fitting(report) {
  let text = JSON.stringify(report);
  while (text.length > SIZE_MAX) {
    if (report.errors?.length) report.errors.pop();
    else if (report.pair?.url) delete report.pair.url;
    else if (report.times?.length) report.times.pop();
    else break;
    text = JSON.stringify(report);
  }
  return text;
}

function deliver(url, text) {
  const body = new Blob([text], { type: "text/plain" });
  if (navigator.sendBeacon?.(url, body)) return;
  // The browser's queue of beacons is full, or there is none. Nobody reads the answer.
  fetch(url, { method: "POST", body, keepalive: true, mode: "no-cors", credentials: "omit" }).catch(
    () => {},
  );
}

/** Return which engine a browser has. Every browser of iOS has WebKit. */
function engineOf({ userAgent }) {
  if (/Firefox\//.test(userAgent)) return "firefox";
  if (/Chrom(e|ium)\//.test(userAgent)) return "chromium";
  return /AppleWebKit\//.test(userAgent) ? "webkit" : "other";
}

/** Return the URLs that a connection was given, by their normal form. */
function urlsOf(connection) {
  const servers = connection.getConfiguration().iceServers ?? [];
  return new Map(servers.flatMap(({ urls }) => urls).map((url) => [normal(url), url]));
}

/** Return one spelling for all spellings of a URL: browsers report them back with defaults added. */
function normal(url) {
  const [, scheme, host, port, transport] =
    /^(stuns?|turns?):(\[[^\]]+\]|[^:?[\]]+)(?::(\d+))?(?:\?transport=(udp|tcp))?$/i.exec(url) ?? [];
  if (scheme === undefined) return null;
  const secure = /s$/i.test(scheme);
  const way = secure ? "tls" : (transport ?? "udp").toLowerCase();
  return `${scheme}:${host}:${port ?? (secure ? 5349 : 3478)}/${way}`.toLowerCase();
}

/** Return the host and port of a URL as one text: the same for TURN by UDP and STUN. */
function place(url) {
  return normal(url)?.replace(/^[^:]*:|\/.*$/g, "") ?? null;
}

function hostOf(url) {
  return place(url)?.replace(/:\d+$/, "") ?? "";
}

function tenths(ms) {
  return Math.round(ms * 10) / 10;
}
