/** What every part of the page is: one element, made once, brought up to date from the whole page model. */
import type { FromPage, Snapshot } from '../../src/shared/protocol';
import type { PlanOptions } from '../../src/shared/planRequest';
import type { Wish } from '../../src/shared/wish';
import type { Priced } from '../planning';
import type { Shortfall } from '../shortfall';
import type { PageState } from '../state';

export interface PageModel {
  readonly state: PageState;
  readonly snapshot: Snapshot;
  /** null: no model chosen yet, or the planner failed (`planFailed`). */
  readonly priced: Priced | null;
  readonly planFailed: boolean;
  readonly shortfall: Shortfall | null;
  /** The kept wish (`state.pinned`) at today's prices; null: none is kept, or it can't be priced. */
  readonly keptPriced: Priced | null;
  /** A launch was asked for and nothing has come of it yet. */
  readonly launching: boolean;
  /** Fields whose text is not valid; Deploy waits for them. */
  readonly invalidFields: ReadonlySet<string>;
}

export interface Actions {
  options(patch: PlanOptions): void;
  wish(patch: Partial<Wish>): void;
  engine(engine: Wish['engine']): void;
  /** Applies a piece of advice so that it can be undone. */
  apply(change: PlanOptions, what: string): void;
  undo(): void;
  /** The wish kept for comparison: keep the present one, swap both, go back to the kept one, forget it. */
  readonly pin: () => void;
  readonly swapPinned: () => void;
  readonly usePinned: () => void;
  readonly unpin: () => void;
  section(name: string, open: boolean): void;
  /** Sends the wish first, so that the host acts on what is on the screen. */
  open(target: Extract<FromPage, { type: 'open' }>['target'], serverId?: string): void;
  launch(force: boolean): void;
  stop(serverId: string): void;
  /** What the row of a failed server offers. */
  launchCorrected(serverId: string): void;
  stepUp(serverId: string): void;
  validity(field: string, valid: boolean): void;
  /** Hands back what takes the wish to where it stands now. */
  checkpoint(): () => void;
}

export interface View {
  readonly element: HTMLElement;
  update(page: PageModel): void;
}
