/** Reads and writes the form that says as whom to ask. Keeps the picks in the address. */

import { el } from "./dom.js";
import { PLACES } from "./places.js";

const FIELDS = ["place", "region", "residency", "connectionType", "profile", "transport"];

/** Offer what the endpoint has; picks that are still possible stay. */
export function offer(form, regions) {
  // Refilling closes a list that somebody has open, so it happens only when there is news.
  const news = JSON.stringify(regions.map(({ name, residency }) => [name, residency]));
  if (form.dataset.offered === news) return;
  form.dataset.offered = news;
  const groups = [...new Set(PLACES.map(({ group }) => group))];
  refill(form.elements.place, [
    el("option", { value: "" }, here()),
    ...groups.map((group) =>
      el(
        "optgroup",
        { label: group },
        PLACES.filter((place) => place.group === group).map(({ name }) =>
          el("option", { value: name }, name),
        ),
      ),
    ),
  ]);
  refill(form.elements.region, [
    el("option", { value: "" }, "none"),
    ...regions.map(({ name }) => el("option", { value: name }, name)),
  ]);
  const residencies = [...new Set(regions.map(({ residency }) => residency).filter(Boolean))];
  refill(form.elements.residency, [
    el("option", { value: "" }, "none"),
    ...residencies.map((name) => el("option", { value: name }, name)),
  ]);
}

function refill(select, children) {
  const picked = select.dataset.wanted ?? select.value;
  delete select.dataset.wanted;
  select.replaceChildren(...children);
  select.value = picked;
  if (select.selectedIndex < 0) select.value = "";
}

/** Take the picks from the address, so that a reload or a shared link asks the same. */
export function restore(form, hash) {
  const picks = new URLSearchParams(hash.replace(/^#/, ""));
  for (const name of FIELDS) {
    const select = form.elements[name];
    select.value = picks.get(name) ?? "";
    if (select.selectedIndex >= 0) continue;
    // Regions and groups are not known yet: `offer` picks them up.
    select.dataset.wanted = picks.get(name) ?? "";
    select.value = "";
  }
}

/** Return the picks as the fragment of an address. */
export function fragment(form) {
  const picks = new URLSearchParams();
  for (const name of FIELDS)
    if (form.elements[name].value) picks.set(name, form.elements[name].value);
  return picks.size ? `#${picks}` : "";
}

/** Return the body of the call: what the form says, and the hints that this browser has. */
export function request(form) {
  const value = (name) => form.elements[name].value;
  const place = value("place") ? PLACES.find(({ name }) => name === value("place")) : null;
  const body = {};
  const region = value("region") || (place ? null : timeZone());
  const connectionType = value("connectionType") || navigator.connection?.type;
  if (region) body.region = region;
  if (connectionType && connectionType !== "unknown") body.connectionType = connectionType;
  if (place)
    Object.assign(body, {
      latitude: place.latitude,
      longitude: place.longitude,
      country: place.country,
    });
  if (value("residency")) body.residency = value("residency");
  if (value("profile")) body.profile = value("profile");
  return body;
}

/** Return the only transport to use, or "" for all. */
export function transport(form) {
  return form.elements.transport.value;
}

function here() {
  const zone = timeZone();
  return zone ? `here (${zone})` : "here";
}

/** Return the time zone, or null for those that are set where nobody set one and name no place. */
function timeZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
  return /^(Etc\/.*|UTC|UCT|GMT.*|Greenwich|Universal|Zulu|)$/.test(zone) ? null : zone;
}
