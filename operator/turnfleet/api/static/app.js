/**
 * The page: asks, tests, shows. Holds the only state there is, one run at a time.
 *
 * For programs: `turnfleet.lastRun` is the last finished run (no credentials in it), `turnfleet.run()`
 * starts another and resolves to it, `<html data-run>` is idle, running, done or failed.
 */

import { el } from "./dom.js";
import { observe } from "./ice-report.js";
import * as map from "./map.js";
import * as picker from "./picker.js";
import * as reasons from "./reasons.js";
import { relayTest } from "./relay-test.js";
import * as servers from "./servers.js";
import {
  askForReasons,
  askForRegions,
  askForServers,
  choices,
  normal,
  owners,
  parse,
  Problem,
  urlsOf,
} from "./turnfleet-client.js";
import * as verdict from "./verdict.js";

const REPEAT_AFTER = 5000;

const find = (id) => document.getElementById(id);
const form = find("picker");
const frames = {
  title: find("verdict-title"),
  text: find("verdict-text"),
  route: find("route"),
  facts: find("facts"),
};

let current = new AbortController();
let repeating;

/** Ask and test once, as the form says; an earlier run that is still going on is given up. */
async function run() {
  current.abort();
  clearTimeout(repeating);
  const mine = (current = new AbortController());
  const { signal } = mine;
  document.documentElement.dataset.run = "running";
  verdict.starting(frames, "Asking the endpoint.");
  const record = {
    request: null,
    reasons: null,
    choices: [],
    servers: [],
    urls: [],
    data: null,
    path: null,
    report: null,
    problem: null,
  };
  try {
    await examine(record, signal);
  } catch (error) {
    if (signal.aborted) return null;
    record.problem = problemOf(error);
  }
  if (signal.aborted) return null;
  finish(record);
  return record;
}

/** Fill the record step by step, and show each step. */
async function examine(record, signal) {
  const world = await askForRegions(signal);
  showWorld(world);
  record.request = picker.request(form);
  find("call").textContent = snippet(record.request);
  const answer = await askForServers(record.request, signal).catch(async (problem) => {
    if (!signal.aborted) record.reasons = await askForReasons(record.request, signal);
    showReasons(world, record);
    throw problem;
  });
  record.reasons = answer.selection ?? null;
  record.choices = choices(answer);
  showReasons(world, record);

  const owned = owners(answer);
  const iceServers = only(answer.iceServers, picker.transport(form));
  record.servers = iceServers.map((server) => ({ urls: urlsOf(server) }));
  verdict.starting(frames, "Gathering relayed addresses and connecting.");
  const onChange = ({ urls, path = null, data = null }) => {
    if (signal.aborted) return;
    record.urls = urls.map((report) => ({ ...report, ...identity(owned.get(normal(report.url))) }));
    if (path) {
      record.data = data;
      record.path = { near: side(path.near, owned), far: side(path.far, owned) };
      verdict.carried(frames, record);
    }
    const carrying = path?.near?.url ? normal(path.near.url) : null;
    servers.show(find("servers"), { answer, world, urls, carrying });
  };
  onChange({ urls: [] });
  const { connectionType } = record.request;
  const what = { rid: answer.rid, url: "/api/ice-report", connectionType };
  let told = null;
  const onMade = (connection) => (told = observe(connection, what));
  try {
    onChange(await relayTest({ iceServers, signal, onChange, onMade }));
  } finally {
    record.report = told?.report() ?? null;
  }
}

/** Show the world as the endpoint knows it, whatever the answer will be. */
function showWorld(world) {
  for (const one of document.querySelectorAll("[data-one-machine]")) one.hidden = !world.oneMachine;
  picker.offer(form, world.regions);
  find("attributions").replaceChildren(
    ...(world.attributions ?? []).map((attribution) => el("li", {}, linked(String(attribution)))),
  );
}

/** Make the link that an attribution ends in, as in "Places by somebody (https://example.com/)". */
function linked(attribution) {
  const [, text, href] = /^(.+) \((https:\/\/[^\s()]+)\)$/.exec(attribution) ?? [];
  return href ? el("a", { href }, text) : attribution;
}

function showReasons(world, record) {
  const roles = reasons.rolesByRegion(record.choices);
  const located = record.reasons?.located ?? null;
  const client = located?.latitude === undefined ? null : located;
  map.draw(find("map"), {
    regions: world.regions,
    client,
    roles: new Map([...roles].map(([region, [role]]) => [region, role])),
  });
  find("place-text").textContent = reasons.whereabouts(located);
  reasons.show(find("reasons"), record.reasons, roles);
}

function side(carrier, owned) {
  if (!carrier) return null;
  const choice = owned.get(normal(carrier.url ?? "")) ?? relayAt(carrier.address, owned);
  return { ...carrier, ...identity(choice) };
}

/** Return the only relay with this address, for browsers that tell an address but no URL. */
function relayAt(address, owned) {
  const host = `:${address?.replace(/:\d+$/, "")}:`;
  const there = new Set([...owned].filter(([url]) => url.includes(host)).map(([, one]) => one));
  return there.size === 1 ? [...there][0] : null;
}

function identity(choice) {
  return {
    role: choice?.role ?? null,
    region: choice?.region ?? null,
    relay: choice?.relay ?? null,
  };
}

/** Keep the URLs of one transport; with none left there is nothing to test. */
function only(iceServers, transport) {
  if (!transport) return iceServers;
  const kept = iceServers
    .map((server) => ({
      ...server,
      urls: urlsOf(server).filter((url) => parse(url)?.transport === transport),
    }))
    .filter(({ urls }) => urls.length > 0);
  if (kept.some(({ urls }) => urls.some((url) => parse(url)?.scheme.startsWith("turn"))))
    return kept;
  throw new Problem({
    title: `The answer has no relay over ${transport.toUpperCase()}`,
    sentence: "Another profile may: full offers every transport there is.",
  });
}

function problemOf(error) {
  return {
    title: error.title ?? "This browser could not run the test",
    sentence: error.message || String(error),
    status: error.status ?? null,
    retryAfter: error.retryAfter ?? null,
  };
}

function finish(record) {
  if (record.problem) verdict.failed(frames, record.problem);
  if (!record.choices.length) {
    find("servers").replaceChildren(el("p", { class: "quiet" }, "Nothing: there is no answer."));
  }
  verdict.remember(find("history"), record, new Date());
  find("status").textContent = `${frames.title.textContent}. ${frames.text.textContent}`;
  window.turnfleet.lastRun = record;
  document.documentElement.dataset.run = record.problem ? "failed" : "done";
  if (find("repeat").checked) {
    repeating = setTimeout(again, Math.max(REPEAT_AFTER, (record.problem?.retryAfter ?? 0) * 1000));
  }
}

/** Run again, unless nobody is looking. */
function again() {
  if (document.hidden) repeating = setTimeout(again, REPEAT_AFTER);
  else run();
}

/** Return the code that an application needs to make the same call. */
function snippet(request) {
  const body = JSON.stringify(request, null, 2).replaceAll("\n", "\n  ");
  return [
    `const response = await fetch("${location.origin}/api/get-ice-servers", {`,
    `  method: "POST",`,
    `  headers: { "Content-Type": "application/json" },`,
    `  body: JSON.stringify(${body}),`,
    `});`,
    `const iceServers = await response.json();`,
    `const connection = new RTCPeerConnection({ iceServers });`,
  ].join("\n");
}

window.turnfleet = { lastRun: null, run };
find("run").addEventListener("click", run);
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("change", () => {
  history.replaceState(null, "", picker.fragment(form) || location.pathname);
  run();
});
find("repeat").addEventListener("change", ({ target }) => {
  clearTimeout(repeating);
  if (target.checked) run();
});
window.addEventListener("hashchange", () => {
  picker.restore(form, location.hash);
  run();
});
picker.restore(form, location.hash);
run();
