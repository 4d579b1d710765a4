/** Tool specifications for one request: the client's, narrowed by tool_choice, and stubs for what only the history names (kiro-protocol B10, C1 9, 19, 21). */
import { type ModelRequest, type Tool, type ToolChoice, UpstreamFailure } from '../../define.js';
import type { WireTool } from './body.js';
import type { PairedTurn } from './pairing.js';
import { cleanSchema } from './schema.js';
import type { ToolNames } from './toolNames.js';

/** Cuts at `max` UTF-16 units, never through a code point. */
export function cutText(text: string, max: number): string {
  if (text.length <= max) return text;
  const cut = text.slice(0, max);
  const last = cut.charCodeAt(max - 1);
  return last >= 0xd800 && last <= 0xdbff ? cut.slice(0, -1) : cut;
}

function specification(tool: Tool, names: ToolNames, descriptionLimit: number): WireTool {
  const description = tool.description.trim() === '' ? `The tool ${tool.name}.` : tool.description;
  return {
    toolSpecification: {
      name: names.wire(tool.name),
      description: cutText(description, descriptionLimit),
      inputSchema: { json: cleanSchema(tool.inputSchema) },
    },
  };
}

/** A name in the history without a specification is the commonest reason for "Improperly formed request". */
function stub(name: string, names: ToolNames): WireTool {
  return {
    toolSpecification: {
      name: names.wire(name),
      description: 'Was used earlier in this conversation. Not available now; do not call it.',
      inputSchema: { json: { type: 'object', properties: {} } },
    },
  };
}

function offered(tools: readonly Tool[], choice: ToolChoice): readonly Tool[] {
  const byName = new Map<string, Tool>();
  for (const tool of tools) if (!byName.has(tool.name)) byName.set(tool.name, tool);
  if (choice.type === 'none') return [];
  if (choice.type !== 'tool') return [...byName.values()];
  const named = byName.get(choice.name);
  if (named) return [named];
  throw new UpstreamFailure({
    kind: 'client',
    param: 'tool_choice',
    message: `tool_choice names the tool ${choice.name.slice(0, 100)}, which is not in tools.`,
  });
}

export function toolSpecifications(
  request: ModelRequest,
  turns: readonly PairedTurn[],
  names: ToolNames,
  descriptionLimit: number,
): WireTool[] {
  const tools = offered(request.tools, request.toolChoice);
  const specifications = tools.map((tool) => specification(tool, names, descriptionLimit));
  const present = new Set(tools.map((tool) => tool.name));
  for (const turn of turns) {
    if (turn.role !== 'assistant') continue;
    for (const use of turn.toolUses) {
      if (present.has(use.name)) continue;
      present.add(use.name);
      specifications.push(stub(use.name, names));
    }
  }
  return specifications;
}

/** There is no field for tool_choice upstream; what omission cannot say is said in words, at the end of the user's turn. */
export function choiceInstruction(request: ModelRequest, names: ToolNames): string {
  const { toolChoice } = request;
  if (toolChoice.type === 'tool') return `Answer by calling the tool ${names.wire(toolChoice.name)}.`;
  return toolChoice.type === 'any' && request.tools.length > 0 ? 'Answer by calling at least one of the tools.' : '';
}
