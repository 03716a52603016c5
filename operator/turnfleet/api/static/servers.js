/** Shows what was offered: one block per relay, one row per URL with what came of it. */

import { el, milliseconds } from "./dom.js";
import { normal, owners, parse, relayName, urlsOf } from "./turnfleet-client.js";

const STATES = {
  waiting: "waiting",
  candidate: "works",
  error: "fails",
  untrusted: "not trusted here",
  silent: "silent",
  untold: "not told",
  unused: "not used here",
};

const UNTRUSTED = "This browser does not trust the certificate of this relay; see below.";

/**
 * @param {Element} frame
 * @param {{answer: object, world: object, urls: object[], carrying: string | null}} what
 *   carrying: the normal form of the URL that carries the data
 */
export function show(frame, { answer, world, urls, carrying }) {
  const reports = new Map(urls.map((report) => [normal(report.url), report]));
  const groups = grouped(answer).map((group) => ({
    ...group,
    relay: relayOf(group.choice, world),
  }));
  // The endpoint has just been through these relays, so it is the browser that does not trust them.
  const untrusted = new Set(
    groups
      .filter(({ relay }) => world.oneMachine && relay?.usable)
      .flatMap(({ offered }) => offered)
      .filter((url) => distrusted(reports.get(normal(url)))),
  );
  const slowest = Math.max(1, ...urls.map(({ ms }) => ms ?? 0));
  frame.replaceChildren(
    ...groups.map(({ choice, relay, offered }) =>
      el(
        "article",
        { class: `server ${choice?.role ?? "stun"}` },
        heading(choice, relay),
        el(
          "ul",
          { class: "urls" },
          offered.map((url) => {
            const excused = untrusted.has(url);
            return row(url, reports.get(normal(url)), { slowest, carrying, excused });
          }),
        ),
      ),
    ),
    ...(untrusted.size ? [howToTrust()] : []),
  );
}

/** Say whether a URL failed as one does whose certificate the browser does not accept. */
function distrusted(report) {
  return report?.code === 701 && parse(report.url)?.transport === "tls";
}

/** Return what the world knows of a choice's relay. */
function relayOf(choice, world) {
  const region = world.regions.find(({ name }) => name === choice?.region);
  return region?.relays?.find(({ name }) => name === choice.relay);
}

function howToTrust() {
  return el(
    "p",
    { class: "notice" },
    "Relays that nobody gave a certificate get one at the first start, signed by an authority of " +
      "this fleet's own. A browser refuses them for turns: URLs until it trusts that authority: ",
    el("code", {}, "ca.crt"),
    " in the folder ",
    el("code", {}, "tls"),
    " of the state folder.",
  );
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

function heading(choice, relay) {
  if (choice === null) return el("h3", {}, "without a role");
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

function row(url, report, { slowest, carrying, excused }) {
  const state = report?.state ?? "unused";
  const shown = excused ? "untrusted" : state;
  const carries = carrying !== null && normal(url) === carrying;
  const bar = el("span", { class: "bar", "aria-hidden": "true" });
  bar.style.setProperty("--share", String(Math.min(1, (report?.ms ?? 0) / slowest)));
  return el(
    "li",
    { class: `url ${shown}`, "data-url": url, "data-state": state, "data-carries": carries },
    el("span", { class: "mark", "aria-hidden": "true" }),
    el("code", {}, url),
    el("span", { class: "transport" }, parse(url)?.transport.toUpperCase() ?? "?"),
    el("span", { class: "result" }, ...result(shown, report)),
    state === "candidate" ? bar : null,
    el(
      "p",
      { class: "sentence quiet" },
      carries ? el("strong", {}, "Carries the data. ") : null,
      excused ? UNTRUSTED : (report?.sentence ?? "Not tried: only one transport was picked."),
    ),
  );
}

function result(shown, report) {
  const unseen = el("span", { class: "visually-hidden" }, `${STATES[shown]}, `);
  if (shown === "candidate")
    return [unseen, el("span", { class: "quiet" }, "gathered in "), milliseconds(report.ms)];
  if (shown === "error" && report.code) return [unseen, `error ${report.code}`];
  return [STATES[shown]];
}
