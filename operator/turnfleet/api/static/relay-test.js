/**
 * Sends data from this page to itself through relays, and reports what the browser saw.
 *
 * Two RTCPeerConnections in one page, both allowed to use relays only, so whatever arrives has
 * been through TURN. Draws nothing; reports through `onChange`.
 */

import { hostPort, watchUrls } from "./ice-urls.js";
import { pause, within } from "./waiting.js";

const MESSAGES = 50;
const MEASURE_FOR = 3000;
const MESSAGE_LOST_AFTER = 1000;
const CONNECT_WITHIN = 15000;
/** How long candidates wait for the last URL to answer. */
const HOLD = 1500;
/** Chromium serves statistics from a cache of 50 ms. */
const STATS_FRESH_AFTER = 80;
/** A better pair may still replace the first that connected: wait until the choice is this old. */
const SETTLED_AFTER = 250;
const SETTLE_WITHIN = 2000;

const BROKE = "The two ends connected, but the connection broke before a message came back.";

/**
 * Run the test once.
 *
 * @param {{iceServers: RTCIceServer[], signal: AbortSignal, onChange: (report: object) => void,
 *   onMade: (connection: RTCPeerConnection) => void}} what `onMade` gets the near end, before it gathers
 * @returns {Promise<{urls: import("./ice-urls.js").UrlReport[], path: object, data: object}>}
 */
export async function relayTest({ iceServers, signal, onChange, onMade }) {
  const near = new RTCPeerConnection({ iceServers, iceTransportPolicy: "relay" });
  const far = new RTCPeerConnection({ iceServers, iceTransportPolicy: "relay" });
  onMade(near);
  const urls = watchUrls(near, iceServers, () => onChange({ urls: urls.report() }));
  onChange({ urls: urls.report() });
  const farUrls = watchUrls(far, iceServers);
  try {
    const channel = near.createDataChannel("turnfleet", { ordered: false, maxRetransmits: 0 });
    far.ondatachannel = ({ channel: arrived }) => {
      arrived.onmessage = ({ data }) => arrived.send(data);
    };
    const described = describe(near, far);
    const held = Promise.allSettled([
      described, // a candidate that comes before the description is refused
      urls.answered(HOLD, signal),
      farUrls.answered(HOLD, signal),
    ]);
    trickle(near, far, held);
    trickle(far, near, held);
    await described;
    await held;

    await opened(channel, near, signal, urls);
    await settled(near, signal);
    const data = await measure(channel, signal);
    await pause(STATS_FRESH_AFTER, signal);
    const path = { near: await carrier(near), far: await carrier(far) };
    urls.close();
    if (!data.received || !path.near) throw new Unrelayed(BROKE);
    return { urls: urls.report(), data, path };
  } finally {
    // Closing tells the relays to drop the allocations at once instead of after ten minutes.
    near.close();
    far.close();
  }
}

async function describe(near, far) {
  const offer = await near.createOffer();
  await near.setLocalDescription(offer);
  await far.setRemoteDescription(offer);
  const answer = await far.createAnswer();
  await far.setLocalDescription(answer);
  await near.setRemoteDescription(answer);
}

/**
 * Hand candidates over one by one, but none before `held` is over.
 *
 * A browser stops gathering once it is connected. Between two ends of one page that happens within
 * milliseconds, with whichever relay was first: the others would look silent, and the order of the
 * answer would not count. Holding on plays the part of the signalling between two real ends.
 */
function trickle(from, to, held) {
  from.addEventListener("icecandidate", async ({ candidate }) => {
    if (candidate === null) return;
    await held;
    // A candidate that comes after the connection was closed is of no use to anybody.
    if (to.signalingState !== "closed") to.addIceCandidate(candidate).catch(() => {});
  });
}

async function opened(channel, connection, signal, urls) {
  const open = new Promise((resolve, reject) => {
    if (channel.readyState === "open") resolve(undefined);
    channel.addEventListener("open", () => resolve(undefined), { once: true });
    connection.addEventListener("connectionstatechange", () => {
      if (connection.connectionState === "failed") reject(new Error("failed"));
    });
  });
  // With every URL refused there is nothing to wait for.
  const hopeless = urls
    .answered(CONNECT_WITHIN, signal)
    .then(() => (urls.usable() ? new Promise(() => {}) : Promise.reject(new Error("no relay"))));
  try {
    await within(Promise.race([open, hopeless]), CONNECT_WITHIN, signal);
  } catch (error) {
    if (signal.aborted) throw error;
    urls.close();
    throw new Unrelayed(
      urls.usable()
        ? "Relays gave addresses, but no packet came from one to another: " +
            "their relay ports or peer rules are in the way."
        : "No relay gave this browser an address. The list of URLs says why, one by one.",
    );
  }
}

/** No data came through; what was learned about the URLs has been reported. */
class Unrelayed extends Error {
  constructor(sentence) {
    super(sentence);
    this.name = "Unrelayed";
    this.title = "No relay carried data";
  }
}

/** Wait until the browser has stopped changing its mind about the pair it uses. */
async function settled(connection, signal) {
  const deadline = performance.now() + SETTLE_WITHIN;
  let last = null;
  let unchangedSince = performance.now();
  while (performance.now() < deadline) {
    const pair = (await selectedPair(connection))?.pair.id ?? null;
    if (pair !== last) {
      last = pair;
      unchangedSince = performance.now();
    }
    if (last !== null && performance.now() - unchangedSince >= SETTLED_AFTER) return;
    await pause(50, signal);
  }
}

/** Send messages one after another, each when the last is back; median and 95th percentile in ms. */
async function measure(channel, signal) {
  const deadline = performance.now() + MEASURE_FOR;
  const times = [];
  let sent = 0;
  while (sent < MESSAGES && performance.now() < deadline) {
    if (channel.readyState !== "open") break;
    sent += 1;
    const time = await roundTrip(channel, sent, signal);
    if (time !== null) times.push(time);
  }
  times.sort((a, b) => a - b);
  return {
    sent,
    received: times.length,
    medianMs: quantile(times, 0.5),
    p95Ms: quantile(times, 0.95),
  };
}

async function roundTrip(channel, number, signal) {
  const text = `${number} `.padEnd(200, ".");
  const start = performance.now();
  const back = new Promise((resolve) => {
    const listen = ({ data }) => {
      if (data !== text) return;
      channel.removeEventListener("message", listen);
      resolve(performance.now() - start);
    };
    channel.addEventListener("message", listen);
  });
  channel.send(text);
  try {
    return await within(back, MESSAGE_LOST_AFTER, signal);
  } catch (error) {
    if (signal.aborted) throw error;
    return null;
  }
}

function quantile(sorted, share) {
  return sorted.length
    ? sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
    : null;
}

/** Describe the relay that one side sent its data through. */
async function carrier(connection) {
  const selected = await selectedPair(connection);
  if (selected === null) return null;
  const { pair, local } = selected;
  return {
    url: local?.url ?? null,
    address: hostPort(local?.address ?? local?.ip, local?.port),
    protocol: local?.relayProtocol ?? null,
    type: local?.candidateType ?? null,
    rttMs: pair.currentRoundTripTime === undefined ? null : pair.currentRoundTripTime * 1000,
    bytesSent: pair.bytesSent ?? null,
    bytesReceived: pair.bytesReceived ?? null,
  };
}

async function selectedPair(connection) {
  const stats = await connection.getStats();
  const all = [...stats.values()];
  const transport = all.find(({ type }) => type === "transport");
  // Firefox has no transport entry, but marks the pair itself.
  const pair =
    stats.get(transport?.selectedCandidatePairId) ??
    all.find(
      ({ type, selected, nominated, state }) =>
        type === "candidate-pair" && (selected ?? (nominated && state === "succeeded")),
    );
  return pair ? { pair, local: stats.get(pair.localCandidateId) } : null;
}
