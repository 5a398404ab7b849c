/** A reading that knows only a name, completed by a hub where the user allows that; else it says what would help. */
import { parseHubModel, type HubModel } from '../../models/hubModel';
import type { EngineId, ModelRequest } from '../../shared/planRequest';
import type { Hub } from './hub';
import { isNameOnly, type ModelReading } from './modelReading';

/** What the editor says of a hub that may not be asked, and of one that may. */
export const HUB_NEEDS = 'Sizes from the hub need vramPilot.hub.allowRequests.';
export const HUB_GIVES = 'Sizes are read from the hub.';

/** To Ollama `user/model` is a model of its own library, and only `hf.co/org/name` one of the hub's. */
function hubModelOf(engine: EngineId, name: string): HubModel | null {
  const model = parseHubModel(name);
  return model && (engine === 'vllm' || model.hasHost) ? model : null;
}

/** What to ask a hub for; null: nothing, because more than the name is known, or it is none of a hub's. */
export function hubModelFor(
  engine: EngineId,
  name: string,
  reading: ModelReading,
): HubModel | null {
  return isNameOnly(reading) ? hubModelOf(engine, name) : null;
}

/** The name in a request that gives nothing else about its model, if a hub may know it; else null. */
export function bareHubName(engine: EngineId, model: ModelRequest): string | null {
  const { name, ...rest } = model;
  const isBare = name != null && Object.values(rest).every((fact) => fact == null);
  return isBare && hubModelOf(engine, name) ? name : null;
}

/**
 * The reading itself where there is nothing to ask for. `howToAllow`: what is said of a hub that may not be asked.
 * A reading that was cancelled comes back as it was.
 */
export async function completeFromHub(
  hub: Hub,
  engine: EngineId,
  name: string,
  reading: ModelReading,
  howToAllow: string,
  signal?: AbortSignal,
): Promise<ModelReading> {
  const model = hubModelFor(engine, name, reading);
  if (!model) return reading;
  if (!hub.isAllowed()) return { ...reading, notes: [...reading.notes, howToAllow] };
  const found = await hub.read(model, name, signal);
  if (found.ok) return found.value;
  if (found.failure.reason === 'cancelled') return reading;
  const { failure: hubFailure } = found;
  return { ...reading, notes: [...reading.notes, hubFailure.detail], hubFailure };
}
