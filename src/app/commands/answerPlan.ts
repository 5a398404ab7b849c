/** From plain data to a plan's answer, the model's headers read where the request names a path. */
import type { PlanAnswer } from '../../shared/planAnswer';
import { parsePlanRequest, type InvalidField, type PlanRequest } from '../../shared/planRequest';
import { fail, ok, type Result } from '../../shared/failure';
import { hubCacheFolders } from '../hubCache';
import { readModel } from '../modelReader';
import { answerRequest } from '../planService';
import type { CommandDoors } from './command';

export interface PlannedAnswer {
  readonly request: PlanRequest;
  readonly answer: PlanAnswer;
}

/** `invalid`: a field of the request; otherwise the failure of the model's path. */
export type PlannedResult =
  | { readonly ok: true; readonly value: PlannedAnswer }
  | { readonly ok: false; readonly invalid: InvalidField }
  | { readonly ok: false; readonly failure: { reason: 'missing' | 'invalid'; detail: string } };

export async function answerPlan(
  input: unknown,
  doors: CommandDoors,
  extraArguments: readonly string[] = [],
): Promise<PlannedResult> {
  const parsed = parsePlanRequest(input);
  if (!parsed.ok) return { ok: false, invalid: parsed.error };
  const filled = await withHeaders(parsed.value, doors);
  if (!filled.ok) {
    const { reason, detail } = filled.failure;
    const missing = reason === 'notFound' || reason === 'unreadable';
    return { ok: false, failure: { reason: missing ? 'missing' : 'invalid', detail } };
  }
  const answer = answerRequest(filled.value, {
    file: filled.value.engine,
    host: '127.0.0.1',
    port: null,
    servedModelName: null,
    extraArguments,
    environment: {},
  });
  return { ok: true, value: { request: filled.value, answer } };
}

/** Facts given in the request win over those read at `model.path`. */
async function withHeaders(
  request: PlanRequest,
  doors: CommandDoors,
): Promise<Result<PlanRequest>> {
  const { model } = request;
  if (!model.path) return ok(request);
  const reading = await readModel(doors.files, model.path, { cacheFolders: [] });
  if (!reading.ok) return fail(reading.failure.reason, `model.path: ${reading.failure.detail}`);
  const given = Object.fromEntries(Object.entries(model).filter(([, value]) => value != null));
  return ok({ ...request, model: { ...reading.value.facts, ...given } });
}

/** What is known here about a model by its path or name, for `plan NAME_OR_PATH` and profiles. */
export async function modelFacts(
  pathOrName: string,
  doors: CommandDoors,
): Promise<Result<PlanRequest['model']>> {
  const cacheFolders = hubCacheFolders(doors.files, doors.environment);
  const reading = await readModel(doors.files, pathOrName, { cacheFolders });
  if (!reading.ok) return reading;
  for (const note of reading.value.notes) doors.tell(note);
  // The headers are read: the path stays for the command line only.
  return ok(reading.value.facts);
}
