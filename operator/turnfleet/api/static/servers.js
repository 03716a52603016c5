/** Shows what was offered: one block per relay, one row per URL with what came of it. */

import { el, milliseconds } from "./dom.js";
import { normal, owners, parse, relayName, urlsOf } from "./turnfleet-client.js";

const STATES = {
  waiting: "waiting",
  candidate: "works",
  error: "fails",
  silent: "silent",
  untold: "not told",
  unused: "not used here",
};

const UNTRUSTED =
  "Relays that nobody gave a certificate sign their own at the first start. A browser refuses " +
  "that for turns: until it trusts their authority, so the errors 701 above are to be expected then.";

/**
 * @param {Element} frame
 * @param {{answer: object, world: object, urls: object[], carrying: string | null}} what
 *   carrying: the normal form of the URL that carries the data
 */
export function show(frame, { answer, world, urls, carrying }) {
  const reports = new Map(urls.map((report) => [normal(report.url), report]));
  const slowest = Math.max(1, ...urls.map(({ ms }) => ms ?? 0));
  frame.replaceChildren(
    ...grouped(answer).map(({ choice, offered }) =>
      el(
        "article",
        { class: `server ${choice?.role ?? "stun"}` },
        heading(choice, world),
        el(
          "ul",
          { class: "urls" },
          offered.map((url) => row(url, reports.get(normal(url)), { slowest, carrying })),
        ),
      ),
    ),
    ...(urls.some(untrusted) ? [el("p", { class: "notice" }, UNTRUSTED)] : []),
  );
}

function untrusted({ url, code }) {
  return code === 701 && parse(url)?.transport === "tls";
}

/** Group URLs by the relay that they lead to, in the order of the answer. */
function grouped(answer) {
  const owned = owners(answer);
  const groups = new Map();
  for (const url of new Set(answer.iceServers.flatMap(urlsOf))) {
    const choice = owned.get(normal(url)) ?? null;
    const key = choice ? `${choice.role} ${choice.region} ${choice.relay}` : "";
    if (!groups.has(key)) groups.set(key, { choice, offered: [] });
    groups.get(key).offered.push(url);
  }
  return [...groups.values()];
}

function heading(choice, world) {
  if (choice === null) return el("h3", {}, "without a role");
  const relay = world.regions
    .find(({ name }) => name === choice.region)
    ?.relays?.find(({ name }) => name === choice.relay);
  const facts = [
    relay?.node,
    relay?.zone && `zone ${relay.zone}`,
    relay && `load ${Math.round(relay.load * 100)} %`,
    choice.estimate !== undefined && `estimated ${milliseconds(choice.estimate)} away`,
  ];
  return el(
    "header",
    {},
    el(
      "h3",
      {},
      el("span", { class: `chip ${choice.role}` }, choice.role),
      " ",
      el("span", { class: "name" }, relayName(choice)),
    ),
    el("p", { class: "quiet" }, facts.filter(Boolean).join(" · ")),
  );
}

function row(url, report, { slowest, carrying }) {
  const state = report?.state ?? "unused";
  const carries = carrying !== null && normal(url) === carrying;
  const bar = el("span", { class: "bar", "aria-hidden": "true" });
  bar.style.setProperty("--share", String(Math.min(1, (report?.ms ?? 0) / slowest)));
  const result =
    state === "candidate"
      ? milliseconds(report.ms)
      : report?.code
        ? `error ${report.code}`
        : STATES[state];
  return el(
    "li",
    { class: `url ${state}`, "data-url": url, "data-state": state, "data-carries": carries },
    el("span", { class: "mark", "aria-hidden": "true" }),
    el("code", {}, url),
    el("span", { class: "transport" }, parse(url)?.transport.toUpperCase() ?? "?"),
    el(
      "span",
      { class: "result" },
      el("span", { class: "visually-hidden" }, `${STATES[state]}, `),
      result,
    ),
    state === "candidate" ? bar : null,
    el(
      "p",
      { class: "sentence quiet" },
      carries ? el("strong", {}, "Carries the data. ") : null,
      report?.sentence ?? "Not tried: only one transport was picked.",
    ),
  );
}
