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
 * Ask for servers, with the selection that led to them.
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

/**
 * Return which choice every URL belongs to, and in which role it was handed out.
 *
 * @returns {Map<string, object>} normal form of a URL (see normal) to a choice of the selection
 */
export function owners(answer) {
  const choices = answer.selection?.choices ?? [];
  const owned = new Map();
  for (const choice of choices) {
    for (const url of choice.urls ?? []) owned.set(normal(url), choice);
  }
  // An endpoint that lists no URLs per choice still lists servers in the order of the roles.
  answer.iceServers.forEach((server, index) => {
    for (const url of urlsOf(server)) {
      if (!owned.has(normal(url)) && choices[index]) owned.set(normal(url), choices[index]);
    }
  });
  return owned;
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
