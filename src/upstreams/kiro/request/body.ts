/** The shape of a Kiro request body (kiro-protocol B5). Unknown root fields are refused upstream, so this is the whole of it. */

export interface WireImage {
  readonly format: 'png' | 'jpeg' | 'gif' | 'webp';
  readonly source: { readonly bytes: string };
}
export interface WireToolResult {
  readonly toolUseId: string;
  readonly status: 'success' | 'error';
  readonly content: readonly { readonly text: string }[];
}
export interface WireToolUse {
  readonly toolUseId: string;
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
}
export interface WireTool {
  readonly toolSpecification: {
    readonly name: string;
    readonly description: string;
    readonly inputSchema: { readonly json: Readonly<Record<string, unknown>> };
  };
}
export type WireReasoning =
  | { readonly reasoningText: { readonly text: string; readonly signature: string } }
  | { readonly redactedContent: string };

export interface WireUser {
  readonly userInputMessage: {
    readonly content: string;
    readonly modelId: string;
    readonly origin: string;
    readonly images?: readonly WireImage[];
    readonly userInputMessageContext?: { readonly tools?: readonly WireTool[]; readonly toolResults?: readonly WireToolResult[] };
  };
}
export interface WireAssistant {
  readonly assistantResponseMessage: {
    readonly content: string;
    readonly toolUses?: readonly WireToolUse[];
    readonly reasoningContent?: WireReasoning;
  };
}

export interface KiroBody {
  readonly conversationState: {
    /** `AUTO` is refused. */
    readonly chatTriggerType: 'MANUAL';
    readonly agentTaskType: 'vibe';
    readonly conversationId: string;
    readonly agentContinuationId: string;
    readonly history: readonly (WireUser | WireAssistant)[];
    readonly currentMessage: WireUser;
  };
  readonly profileArn?: string;
  readonly additionalModelRequestFields?: Readonly<Record<string, unknown>>;
}
