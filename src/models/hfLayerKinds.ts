/** Words for the layers of a Hugging Face text model, shared by those who read their pattern and their sizes. */

/**
 * `mla`: one latent vector per token. `state`: a fixed-size recurrent state (Mamba, linear attention), see `StateShape`.
 * `cross`: KV of the encoder or of images (engine V0 kept it per token, like `full`). `shared`: reads another layer's
 * KV, keeps none. `encoder`: attends to a text it sees as a whole, keeps none. `none`: no attention at all (an MLP of its
 * own, a removed block).
 */
export type LayerKind =
  'full' | 'sliding' | 'chunked' | 'mla' | 'state' | 'cross' | 'shared' | 'encoder' | 'none';

/** What the whole model has unless a layer says otherwise. */
export interface AttentionBasics {
  readonly family: string;
  readonly layers: number | null;
  readonly heads: number | null;
  readonly kvHeads: number | null;
  readonly headDim: number | null;
  readonly valueHeadDim: number | null;
  /** Elements of the cached vector where the engine caches a latent instead of K and V. */
  readonly latentDim: number | null;
  readonly slidingWindow: number | null;
  readonly attentionChunk: number | null;
  readonly isEncoderDecoder: boolean;
}
