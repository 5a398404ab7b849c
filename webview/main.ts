/**
 * The planner page. It keeps what the user arranged, prices it with the planner on the frame of the change, draws,
 * and tells the host where the wish came to rest. The host plans again before it launches, and its answer wins.
 */
import './toolkit';
import './styles.css';
import { PROTOCOL_VERSION, type Snapshot, type ToPage } from '../src/shared/protocol';
import type { Wish } from '../src/shared/wish';
import { connectHost } from './host';
import { createPage, type FocusTarget } from './page';
import { pricePin, priceWish, type Priced } from './planning';
import { findShortfall } from './shortfall';
import {
  applyAdvice,
  parseState,
  pinWish,
  stateToKeep,
  swapPinned,
  switchEngine,
  takeSnapshot,
  toggleSection,
  undoAdvice,
  unpin,
  usePinned,
  withOptions,
  withStart,
  withWish,
  type PageState,
} from './state';
import { h } from './view/dom';
import type { Actions } from './view/view';
import { words } from './words';

const WISH_REST_MS = 150;
/** A launch that shows nothing by then was refused or needs the user elsewhere: Deploy is offered again. */
const LAUNCH_PATIENCE_MS = 4000;

/** What the host does there depends on the wish, so it has to be the one on the screen. */
const wishTargets: ReadonlySet<string> = new Set([
  'chooseModel',
  'copyCommand',
  'report',
  'saveProfile',
]);

const root = document.getElementById('root') ?? document.body;
const host = connectHost(receive);
let state: PageState = parseState(host.savedState());
let snapshot: Snapshot | null = null;
let pendingFocus: FocusTarget | null = null;
let frame = 0;
let wishTimer = 0;
let launchTimer = 0;
const invalidFields = new Set<string>();

const actions: Actions = {
  options: (patch) => setWish(withOptions(state.wish, patch)),
  wish: (patch) => setWish({ ...state.wish, ...patch }),
  engine: (engine) => {
    const switched = switchEngine(state, engine);
    rearrange(snapshot === null ? switched : withStart(switched, snapshot));
  },
  apply: (change, what) => rearrange(applyAdvice(state, change, what)),
  undo: () => rearrange(undoAdvice(state)),
  pin: () => {
    if (snapshot !== null) arrange(pinWish(state, snapshot));
  },
  swapPinned: () => {
    if (snapshot !== null) rearrange(swapPinned(state, snapshot));
  },
  usePinned: () => rearrange(usePinned(state)),
  unpin: () => arrange(unpin(state)),
  section: (name, open) => arrange(toggleSection(state, name, open)),
  open: (target, serverId) => {
    if (wishTargets.has(target)) sendWish();
    host.send({ type: 'open', target, ...(serverId === undefined ? {} : { serverId }) });
  },
  launch: (force) => {
    window.clearTimeout(wishTimer);
    wishTimer = 0;
    host.send({ type: 'launch', wish: state.wish, force });
    launchTimer = window.setTimeout(launchSettled, LAUNCH_PATIENCE_MS);
    redraw();
  },
  stop: (serverId) => host.send({ type: 'stop', serverId }),
  launchCorrected: (serverId) => host.send({ type: 'launchCorrected', serverId }),
  stepUp: (serverId) => host.send({ type: 'stepUp', serverId }),
  validity: (field, valid) => {
    if (valid === !invalidFields.has(field)) return;
    if (valid) invalidFields.delete(field);
    else invalidFields.add(field);
    redraw();
  },
  checkpoint: () => {
    const { wish } = state;
    return () => {
      if (state.wish !== wish) setWish(wish);
    };
  },
};
const page = createPage(actions);

function setWish(wish: Wish): void {
  rearrange(withWish(state, wish));
}

/** With another wish, of which the host is told when it rests. */
function rearrange(next: PageState): void {
  arrange(next);
  wishChanged();
}

function arrange(next: PageState): void {
  state = next;
  host.saveState(stateToKeep(state));
  redraw();
}

function wishChanged(): void {
  window.clearTimeout(wishTimer);
  wishTimer = window.setTimeout(sendWish, WISH_REST_MS);
}

function sendWish(): void {
  window.clearTimeout(wishTimer);
  wishTimer = 0;
  host.send({ type: 'wish', wish: state.wish });
}

function launchSettled(): void {
  window.clearTimeout(launchTimer);
  launchTimer = 0;
  redraw();
}

function receive(message: ToPage): void {
  if (message.type === 'focus') {
    // the focus would close the list under the user's hand
    if (document.querySelector('vscode-dropdown[open]') !== null) return;
    pendingFocus = message.target;
    redraw();
    return;
  }
  if (message.protocolVersion !== PROTOCOL_VERSION) {
    root.replaceChildren(h('p', { class: 'waiting' }, words.otherVersion));
    return;
  }
  const before = snapshot;
  snapshot = message;
  if (launchTimer !== 0 && phases(before) !== phases(message)) launchSettled();
  const taken = takeSnapshot(state, message);
  // A restored page, and one that filled in a default, tell the host what they hold.
  const news = before === null || taken.wish !== state.wish;
  if (news && JSON.stringify(taken.wish) !== JSON.stringify(message.wish)) wishChanged();
  if (taken === state) redraw();
  else arrange(taken);
}

const phases = (of: Snapshot | null): string =>
  JSON.stringify(of?.servers.map(({ id, phase }) => [id, phase]) ?? []);

function redraw(): void {
  if (frame !== 0) return;
  frame = requestAnimationFrame(() => {
    frame = 0;
    draw();
  });
}

/**
 * Whole prices are cheap, but a folded section or a new sample of the same figures need not pay one. null: the planner
 * failed, which the host is told once.
 */
function pricer<T>(
  price: (wanted: T, now: Snapshot) => Priced,
): (wanted: T, now: Snapshot) => Priced | null {
  let lastKey = '';
  let lastPriced: Priced | null = null;
  return (wanted, now) => {
    const { gpus, model, engines, launch, coexistence, learned, running, knownProfiles } = now;
    const inputs = [gpus, model, engines, launch, coexistence, learned, running, knownProfiles];
    const key = JSON.stringify([wanted, ...inputs]);
    if (key === lastKey) return lastPriced;
    lastKey = key;
    try {
      lastPriced = price(wanted, now);
    } catch (error) {
      lastPriced = null;
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      host.send({ type: 'problem', text: `the planner threw on the page: ${text}`.slice(0, 2000) });
    }
    return lastPriced;
  };
}

const priceNow = pricer(priceWish);
const priceKept = pricer(pricePin);

function draw(): void {
  if (snapshot === null) return;
  const { wish, pinned } = state;
  const priced = wish.model === '' ? null : priceNow(wish, snapshot);
  if (!page.element.isConnected) root.replaceChildren(page.element);
  page.update({
    state,
    snapshot,
    priced,
    planFailed: priced === null && wish.model !== '',
    shortfall: priced === null ? null : findShortfall(priced, snapshot.holders),
    keptPriced: pinned === null ? null : priceKept(pinned, snapshot),
    launching: launchTimer !== 0,
    invalidFields,
  });
  if (pendingFocus !== null) {
    page.focus(pendingFocus);
    pendingFocus = null;
  }
}

root.replaceChildren(h('p', { class: 'waiting', role: 'status' }, words.waiting));
host.send({ type: 'hello', protocolVersion: PROTOCOL_VERSION });
