/**
 * Asks a turnfleet endpoint. Knows its HTTP contract and nothing of the page, so that an
 * application can copy this file as it is.
 */

/** An answer that is an error, with the sentence that the endpoint gave. */
export class Problem extends Error {
  /** @param {{sentence: string, title?: string, status?: number | null, retryAfter?: number | null}} what */
  constructor({
    sentence,
    title = "The endpoint could not answer",
    status = null,
    retryAfter = null,
  }) {
    super(sentence);
    this.name = "Problem";
    this.title = title;
    /** HTTP status; null where there was no HTTP answer at all. */
    this.status = status;
    /** Seconds to wait before asking again, where the endpoint said so. */
    this.retryAfter = retryAfter;
  }
}

/**
 * Ask for servers, and for which relay has which role.
 *
 * @param {object} request body of the call: region, connectionType and the other names of the contract
 * @param {AbortSignal} [signal]
 */
export function askForServers(request, signal) {
  return fetchJson("/api/get-ice-servers?format=config", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(request),
    signal,
  });
}

/**
 * Ask how an answer to this request comes about; null for callers who may not know.
 *
 * @param {object} request as for askForServers
 * @param {AbortSignal} [signal]
 */
export async function askForReasons(request, signal) {
  const given = Object.entries(request).filter(([, value]) => value !== null);
  try {
    return await fetchJson(`/api/explain?${new URLSearchParams(given)}`, { signal });
  } catch (error) {
    if (error instanceof Problem) return null;
    throw error;
  }
}

/** Ask for the regions and the relays in them. @param {AbortSignal} [signal] */
export function askForRegions(signal) {
  return fetchJson("/api/regions", { signal });
}

async function fetchJson(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({
      title: "The endpoint does not answer",
      sentence: "Nothing answered at the address this page came from. Is turnfleet still running?",
    });
  }
  const body = await response.json().catch((error) => {
    if (error.name === "AbortError") throw error;
    return null;
  });
  if (response.ok && body !== null) return body;
  throw new Problem({
    title: body?.title ?? `The endpoint answered ${response.status}`,
    sentence: body?.detail ?? "It gave no reason.",
    status: response.status,
    retryAfter: Number(response.headers.get("Retry-After")) || null,
  });
}

/** Return the relays of an answer with their roles, in order; empty where it does not name them. */
export function choices(answer) {
  return answer.selection?.choices ?? [];
}

/**
 * Return which choice every URL belongs to, and in which role it was handed out.
 *
 * @returns {Map<string, object>} normal form of a URL (see normal) to a choice
 */
export function owners(answer) {
  const owned = new Map();
  choices(answer).forEach((choice, index) => {
    // Without URLs of its own a choice is known by its place: servers come in the order of roles.
    const urls = choice.urls ?? urlsOf(answer.iceServers[index] ?? { urls: [] });
    for (const url of urls) owned.set(normal(url), choice);
  });
  return owned;
}

/** Return what to call a relay; most are named after their region already. */
export function relayName({ region, relay }) {
  return relay.startsWith(`${region}-`) ? relay : `${region}/${relay}`;
}

/** Return the URLs of an RTCIceServer, which may be one string or a list. */
export function urlsOf(server) {
  return [server.urls].flat();
}

/**
 * Take a STUN or TURN URL apart (RFC 7064, RFC 7065), with the defaults filled in.
 *
 * @returns {{scheme: string, host: string, port: number, transport: "udp" | "tcp" | "tls"} | null}
 */
export function parse(url) {
  const match =
    /^(stuns?|turns?):(\[[^\]]+\]|[^:?[\]]+)(?::(\d+))?(?:\?transport=(udp|tcp))?$/i.exec(url);
  if (match === null) return null;
  const scheme = match[1].toLowerCase();
  const secure = scheme.endsWith("s");
  const transport = secure ? "tls" : (match[4] ?? "udp").toLowerCase();
  const port = match[3] ? Number(match[3]) : secure ? 5349 : 3478;
  return { scheme, host: match[2].toLowerCase(), port, transport };
}

/** Return one spelling for all spellings of a URL: browsers report them back with defaults added. */
export function normal(url) {
  const parts = parse(url);
  return parts ? `${parts.scheme}:${parts.host}:${parts.port}/${parts.transport}` : url;
}
