/**
 * What the user arranged on the page: the wish, the choice parked for the other engine, which sections are open.
 * Kept by `setState` over hiding and reloading; figures of the GPU never are.
 */
import * as z from 'zod/mini';
import { changedWish, optionsInArguments } from '../src/engines/vllm/argumentOptions';
import { hideKeys, wishWithoutKeys } from '../src/engines/vllm/keyArguments';
import { wishSchema, type Wish } from '../src/shared/wish';
import {
  modelRequestSchema,
  planOptionsSchema,
  type EngineId,
  type PlanOptions,
} from '../src/shared/planRequest';
import type { Snapshot } from '../src/shared/protocol';

export const DEFAULT_CONTEXT_TOKENS = 8192;
export const SHORTEST_CONTEXT_TOKENS = 512;

const parkedSchema = z.object({
  model: z.string(),
  options: planOptionsSchema,
  extraArguments: z.array(z.string()),
  port: z.nullable(z.number()),
  keepAlive: wishSchema.shape.keepAlive,
});

/** A wish kept for comparison, with what was known of its model, so that it can be priced after another was chosen. */
const pinSchema = z.object({
  wish: wishSchema,
  facts: z.nullable(modelRequestSchema),
  learned: z.array(z.record(z.string(), z.unknown())),
});

/** A piece of advice that was applied: the wish before it, and what changed. */
const appliedSchema = z.object({ before: wishSchema, what: z.string() });

const stateSchema = z.object({
  wish: wishSchema,
  /** Each engine's fields as they stood when the other engine was chosen. */
  parked: z.object({ vllm: z.optional(parkedSchema), ollama: z.optional(parkedSchema) }),
  openSections: z.array(z.string()),
  /** Of the last wish taken over from the host; -1: none yet. */
  wishRevision: z.number(),
  /** Model whose longest context the wish was already fitted to. */
  fittedModel: z.string(),
  /** Latest last; a change by hand ends the list. */
  applied: z._default(z.array(appliedSchema), []),
  pinned: z._default(z.nullable(pinSchema), null),
});

export type PageState = z.infer<typeof stateSchema>;
export type Pin = z.infer<typeof pinSchema>;

export const initialState: PageState = {
  wish: { engine: 'vllm', model: '', options: {}, extraArguments: [], port: null },
  parked: {},
  openSections: [],
  wishRevision: -1,
  fittedModel: '',
  applied: [],
  pinned: null,
};

/** State of an earlier version, or none at all, starts afresh. */
export function parseState(saved: unknown): PageState {
  const parsed = z.safeParse(stateSchema, saved);
  return parsed.success ? parsed.data : initialState;
}

/** VS Code writes it to its disk, so no key is in it; the host knows it as long as the window is open. */
export function stateToKeep(state: PageState): PageState {
  const { wish, parked, applied, pinned } = state;
  const { vllm, ...others } = parked;
  return {
    ...state,
    wish: wishWithoutKeys(wish),
    parked: vllm
      ? { ...others, vllm: { ...vllm, extraArguments: hideKeys(vllm.extraArguments) } }
      : parked,
    applied: applied.map((one) => ({ ...one, before: wishWithoutKeys(one.before) })),
    pinned: pinned && { ...pinned, wish: wishWithoutKeys(pinned.wish) },
  };
}

/** `null` and `undefined` in the patch take an option away: the engine's own default. */
export function withOptions(wish: Wish, patch: PlanOptions): Wish {
  const merged = Object.entries({ ...wish.options, ...patch }).filter(
    ([, value]) => value !== null && value !== undefined,
  );
  return { ...wish, options: Object.fromEntries(merged) };
}

/** A change by hand: what advice was applied before it cannot be taken back alone any more. */
export function withWish(state: PageState, wish: Wish): PageState {
  return { ...state, wish, applied: [] };
}

/** So many pieces of advice in a row can be taken back. */
const APPLIED_KEPT = 20;

export function applyAdvice(state: PageState, change: PlanOptions, what: string): PageState {
  return {
    ...state,
    wish: changedWish(state.wish, change),
    applied: [...state.applied, { before: state.wish, what }].slice(-APPLIED_KEPT),
  };
}

/** The arguments of the user's settings win over the wish, and the page can't change them: no such change has an effect. */
export function isFixed(
  change: PlanOptions,
  { engine }: Pick<Wish, 'engine'>,
  { launch }: Pick<Snapshot, 'launch'>,
): boolean {
  if (engine !== 'vllm') return false;
  const fixed = optionsInArguments(launch.extraArguments);
  // a pool fixed in bytes stands in the place of every share
  const isPoolFixed = change.gpuMemoryUtilization != null && fixed.kvCacheMemoryBytes != null;
  return isPoolFixed || Object.keys(change).some((option) => option in fixed);
}

/** Takes the latest piece of advice back. */
export function undoAdvice(state: PageState): PageState {
  const last = state.applied.at(-1);
  return last === undefined
    ? state
    : { ...state, wish: last.before, applied: state.applied.slice(0, -1) };
}

/** Keeps the present wish to compare others with. */
export function pinWish(state: PageState, snapshot: Snapshot): PageState {
  return { ...state, pinned: pinOf(state.wish, snapshot) };
}

export function unpin(state: PageState): PageState {
  return { ...state, pinned: null };
}

/** The kept wish becomes the present one, and the present one the kept. */
export function swapPinned(state: PageState, snapshot: Snapshot): PageState {
  if (state.pinned === null) return state;
  return { ...usePinned(state), pinned: pinOf(state.wish, snapshot) };
}

/** The kept wish becomes the present one, and nothing is compared any more. */
export function usePinned(state: PageState): PageState {
  const { pinned } = state;
  if (pinned === null) return state;
  const switched = switchEngine(state, pinned.wish.engine);
  return { ...withWish(switched, pinned.wish), fittedModel: pinned.wish.model, pinned: null };
}

function pinOf(wish: Wish, { model, learned }: Snapshot): Pin {
  return { wish, facts: model?.id === wish.model ? model.facts : null, learned };
}

/** Parks the fields of the engine that is left, so that switching back finds every value where it was. */
export function switchEngine(state: PageState, engine: EngineId): PageState {
  const { wish } = state;
  if (wish.engine === engine) return state;
  const { engine: left, ...fields } = wish;
  const back = state.parked[engine] ?? { model: '', options: {}, extraArguments: [], port: null };
  return {
    ...withWish(state, { engine, ...back }),
    parked: { ...state.parked, [left]: fields },
    fittedModel: '',
  };
}

/** Takes the host's wish over if it is news, and fills in what a new plan starts with. */
export function takeSnapshot(state: PageState, snapshot: Snapshot): PageState {
  let next = state;
  if (snapshot.wishRevision > state.wishRevision) {
    next = {
      ...withWish(next, snapshot.wish),
      wishRevision: snapshot.wishRevision,
      fittedModel: '',
    };
  } else if (snapshot.wishRevision < state.wishRevision) {
    // The host started anew and counts from the beginning; what the user arranged here stays.
    next = { ...next, wishRevision: snapshot.wishRevision };
  }
  return fitToModel(withStart(withKeysOf(snapshot, next), snapshot), snapshot);
}

/** What was left out when this page was last kept. */
function withKeysOf({ wish }: Snapshot, state: PageState): PageState {
  const { extraArguments } = state.wish;
  const isSame =
    wish.engine === state.wish.engine &&
    String(hideKeys(wish.extraArguments)) === String(extraArguments) &&
    String(wish.extraArguments) !== String(extraArguments);
  return isSame
    ? { ...state, wish: { ...state.wish, extraArguments: wish.extraArguments } }
    : state;
}

/** vLLM's two sliders always hold a value of their own; Ollama's stay with its own defaults until they are moved. */
export function withStart(state: PageState, snapshot: Snapshot): PageState {
  const { engine, options } = state.wish;
  if (engine !== 'vllm') return state;
  const patch: PlanOptions = {};
  if (options.gpuMemoryUtilization === undefined && options.kvCacheMemoryBytes === undefined) {
    patch.gpuMemoryUtilization = snapshot.defaults.utilization;
  }
  if (options.maxModelLen === undefined) patch.maxModelLen = DEFAULT_CONTEXT_TOKENS;
  if (Object.keys(patch).length === 0) return state;
  return { ...state, wish: withOptions(state.wish, patch) };
}

/** A newly chosen model's own maximum caps the context once; a longer one typed afterwards stays, with a warning. */
function fitToModel(state: PageState, snapshot: Snapshot): PageState {
  const { wish } = state;
  const { model } = snapshot;
  if (model?.id !== wish.model || model.longestContext === null) return state;
  if (state.fittedModel === model.id) return state;
  const longest = Math.floor(model.longestContext);
  const patch: PlanOptions = {};
  if ((wish.options.maxModelLen ?? 0) > longest) patch.maxModelLen = longest;
  if ((wish.options.numCtx ?? 0) > longest) patch.numCtx = longest;
  const changed = Object.keys(patch).length > 0;
  return { ...state, fittedModel: model.id, wish: changed ? withOptions(wish, patch) : wish };
}

export function toggleSection(state: PageState, section: string, open: boolean): PageState {
  const others = state.openSections.filter((name) => name !== section);
  return { ...state, openSections: open ? [...others, section] : others };
}
