/** The body of GenerateAssistantResponse after validation, and how to look into it (kiro-protocol B5). A null member counts as absent. */

export interface WireImage {
  readonly format: string;
  readonly source: { readonly bytes: string };
}
export interface WireToolResult {
  readonly toolUseId: string;
  readonly status?: string;
  readonly content?: readonly { readonly text?: string; readonly json?: unknown }[] | null;
}
export interface WireTool {
  readonly toolSpecification?: { readonly name: string; readonly description: string; readonly inputSchema: { readonly json: unknown } };
  readonly cachePoint?: unknown;
}
export interface WireUserMessage {
  readonly content: string;
  readonly modelId?: string | null;
  readonly origin?: string;
  readonly images?: readonly WireImage[] | null;
  readonly userInputMessageContext?: {
    readonly tools?: readonly WireTool[] | null;
    readonly toolResults?: readonly WireToolResult[] | null;
  } | null;
}
export interface WireToolUse {
  readonly toolUseId: string;
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
}
export interface WireReasoning {
  readonly reasoningText?: { readonly text: string; readonly signature: string };
  readonly redactedContent?: string;
}
export interface WireAssistantMessage {
  readonly content: string;
  readonly toolUses?: readonly WireToolUse[] | null;
  readonly reasoningContent?: WireReasoning | null;
}
export interface WireTurn {
  readonly userInputMessage?: WireUserMessage;
  readonly assistantResponseMessage?: WireAssistantMessage;
}
export interface WireRequest {
  readonly conversationState: {
    readonly conversationId: string;
    readonly history?: readonly WireTurn[] | null;
    readonly currentMessage: { readonly userInputMessage: WireUserMessage };
  };
  readonly profileArn?: string;
  readonly additionalModelRequestFields?: Readonly<Record<string, unknown>> | null;
}

/** Turns before the current message, oldest first. */
export function historyOf(request: WireRequest): readonly WireTurn[] {
  return request.conversationState.history ?? [];
}

export function toolsOf(message: WireUserMessage): readonly WireTool[] {
  return message.userInputMessageContext?.tools ?? [];
}

export function toolResultsOf(message: WireUserMessage): readonly WireToolResult[] {
  return message.userInputMessageContext?.toolResults ?? [];
}

export function toolResultText(result: WireToolResult): string {
  return (result.content ?? []).map((part) => part.text ?? JSON.stringify(part.json)).join('\n');
}
