/** A whole log at once: what the CLI's `diagnose` and "Explain Last Failure" show. */
import type { PlanOptions } from '../shared/planRequest';
import type { Diagnosis, EndContext, StartFacts, DiagnosisResult } from './engine';
import type { LaunchSeen } from './logRules';
import { createOllamaLogReader } from './ollama/log';
import { withoutMargin, withoutWindow, type JoinedText } from './pastedText';
import { createVllmLogReader } from './vllm/log';

const logReaders = { vllm: createVllmLogReader, ollama: createOllamaLogReader };

/** What learning stores of one start, and what `plan` takes as `learned`. */
export interface Outcome {
  readonly engine: 'vllm' | 'ollama';
  readonly engineVersion: string | null;
  readonly model: string | null;
  readonly gpuName: string | null;
  readonly options: PlanOptions;
  readonly result: DiagnosisResult;
  readonly causeId: string | null;
  readonly facts: StartFacts;
}

/** What is worth keeping of a diagnosis. */
export function outcomeOf(diagnosis: Diagnosis, launch: LaunchSeen): Outcome {
  return {
    engine: diagnosis.engine,
    engineVersion: diagnosis.engineVersion,
    model: launch.model,
    gpuName: launch.gpuName,
    options: launch.options,
    result: diagnosis.result,
    causeId: diagnosis.cause?.id ?? null,
    facts: diagnosis.facts,
  };
}

export type ReadDiagnosis = Diagnosis & { readonly outcome: Outcome };

/** Pushed in pieces, so that a log of any size costs the same memory. */
const CHUNK_CHARACTERS = 1 << 16;

/**
 * @param launch what is known of the launch beside its output, e.g. from the request it was planned with.
 * @param end what is known about the end; a text alone says neither whether the process still runs nor its exit code.
 */
export function diagnoseText(
  text: string,
  engine: 'vllm' | 'ollama' | 'auto',
  end: Partial<EndContext> = {},
  launch: Partial<LaunchSeen> = {},
): ReadDiagnosis {
  const plain = withoutMargin(text);
  const joined = withoutWindow(plain);
  const read = (from: string) => diagnosePlain(from, engine, end, launch);
  if (!joined) return read(plain);
  const first = joined.isSure ? null : read(plain);
  if (first && (isKnown(first) || first.result === 'ready')) return first;
  const whole = read(joined.text);
  return first && !isKnown(whole) ? first : withLines(whole, joined.lineOf);
}

function withLines(read: ReadDiagnosis, lineOf: JoinedText['lineOf']): ReadDiagnosis {
  if (!read.cause) return read;
  const evidence = read.cause.evidence.map((one) => ({ ...one, line: lineOf(one.line) }));
  return { ...read, cause: { ...read.cause, evidence } };
}

function diagnosePlain(
  text: string,
  engine: 'vllm' | 'ollama' | 'auto',
  end: Partial<EndContext>,
  launch: Partial<LaunchSeen>,
): ReadDiagnosis {
  if (engine !== 'auto') return diagnoseAs(engine, text, end, launch);
  const detected = detectEngine(text);
  const first = diagnoseAs(detected ?? 'vllm', text, end, launch);
  if (detected !== null || isKnown(first)) return first;
  // A bare quoted line: whose words are they?
  const second = diagnoseAs('ollama', text, end, launch);
  return isKnown(second) ? second : first;
}

const isKnown = ({ cause }: Diagnosis): boolean => cause !== null && cause.id !== 'unknown';

function diagnoseAs(
  engine: 'vllm' | 'ollama',
  text: string,
  end: Partial<EndContext>,
  launch: Partial<LaunchSeen>,
): ReadDiagnosis {
  const reader = logReaders[engine](launch);
  for (let at = 0; at < text.length; at += CHUNK_CHARACTERS)
    reader.push(text.slice(at, at + CHUNK_CHARACTERS));
  // The text is all there will be, so its last line is complete.
  reader.push('\n');
  const diagnosis = reader.diagnose({ exitCode: null, ended: false, stopRequested: false, ...end });
  return { ...diagnosis, outcome: outcomeOf(diagnosis, reader.launch()) };
}

const ollamaSigns =
  /\bollama\b|level=(?:DEBUG|INFO|WARN|ERROR) (?:source|msg)=|\[GIN\]|llama[_ -](?:runner|server|model_load|kv_cache|context)|\bggml\w*:|load_tensors:|CUDA error 2 at|listen tcp\b|\$HOME is not defined|ensure path elements/gi;
const vllmSigns =
  /\bvllm\b|EngineCore|VllmWorker|\(APIServer pid=|\[\w+\.py:\d+\]|\w+\.py:\d+\] |torch\.\w*\.?OutOfMemoryError|pydantic_core|huggingface/gi;

/** By the words that only one of them uses; null where neither or both do alike (failures are often quoted as bare lines). */
export function detectEngine(text: string): 'vllm' | 'ollama' | null {
  const sample = text.length > 400_000 ? text.slice(0, 200_000) + text.slice(-200_000) : text;
  const ollama = sample.match(ollamaSigns)?.length ?? 0;
  const vllm = sample.match(vllmSigns)?.length ?? 0;
  if (ollama === vllm) return null;
  return ollama > vllm ? 'ollama' : 'vllm';
}
