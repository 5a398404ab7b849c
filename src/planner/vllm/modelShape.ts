/** The model of a request as vLLM's planner sees it; read once for all its plans: each frame of a drag, each advice tried. */
import { readHfConfig, type HfShape } from '../../models/hfConfig';
import { oncePer } from '../../shared/lazily';
import type { ModelRequest } from '../../shared/planRequest';

type Facts = NonNullable<ModelRequest['config']>;

/** null: no config, and no GGUF that says as much. */
export function shapeOf({ config, gguf }: ModelRequest): HfShape | null {
  if (config) return fromConfig(config);
  return gguf ? fromGguf(gguf) : null;
}

const fromConfig = oncePer((config: Facts) => readHfConfig(config));
const fromGguf = oncePer((gguf: Facts) => readHfConfig(ggufConfig(gguf)));

/** GGUF metadata of plain attention in the words of a config.json; null: a layout that needs more. */
function ggufConfig(gguf: Facts): Facts | null {
  const plain = ['sliding_window', 'kv_lora_rank', 'ssm_state_size', 'swa_layers'];
  if (plain.some((key) => gguf[key] != null)) return null;
  return {
    model_type: gguf.architecture,
    num_hidden_layers: gguf.block_count,
    hidden_size: gguf.embedding_length,
    num_attention_heads: gguf.head_count,
    num_key_value_heads: gguf.head_count_kv,
    head_dim: gguf.key_length,
    v_head_dim: gguf.value_length,
    intermediate_size: gguf.feed_forward_length,
    vocab_size: gguf.vocab_size,
    max_position_embeddings: gguf.context_length,
    num_experts: gguf.expert_count,
    num_experts_per_tok: gguf.expert_used_count,
  };
}
