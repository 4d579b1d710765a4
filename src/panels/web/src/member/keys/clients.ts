/** Ready-made settings of the usual clients for one key at this site. */

export interface ClientSetting {
  readonly id: string;
  /** The client's own name. */
  readonly name: string;
  readonly text: string;
}

/** `origin` such as `https://gate.example`; the key goes in as it is. */
export function clientSettings(origin: string, key: string, model: string): readonly ClientSetting[] {
  return [
    {
      id: 'claude-code',
      name: 'Claude Code',
      text: `export ANTHROPIC_BASE_URL=${origin}\nexport ANTHROPIC_AUTH_TOKEN=${key}\nclaude --model ${model}`,
    },
    {
      id: 'codex',
      name: 'Codex',
      text: `# ~/.codex/config.toml
model = "${model}"
model_provider = "kirogate"

[model_providers.kirogate]
name = "KiroGate"
base_url = "${origin}/v1"
env_key = "KIROGATE_API_KEY"
wire_api = "responses"

# KIROGATE_API_KEY=${key} codex`,
    },
    {
      id: 'openai',
      name: 'OpenAI SDK',
      text: `from openai import OpenAI

client = OpenAI(base_url="${origin}/v1", api_key="${key}")
reply = client.chat.completions.create(
    model="${model}",
    messages=[{"role": "user", "content": "Hello"}],
)
print(reply.choices[0].message.content)`,
    },
    {
      id: 'anthropic',
      name: 'Anthropic SDK',
      text: `from anthropic import Anthropic

client = Anthropic(base_url="${origin}", api_key="${key}")
reply = client.messages.create(
    model="${model}",
    max_tokens=1024,
    messages=[{"role": "user", "content": "Hello"}],
)
print(reply.content[0].text)`,
    },
    {
      id: 'curl',
      name: 'curl',
      text: `curl ${origin}/v1/chat/completions \\
  -H 'authorization: Bearer ${key}' \\
  -H 'content-type: application/json' \\
  -d '{"model":"${model}","messages":[{"role":"user","content":"Hello"}]}'`,
    },
    {
      id: 'environment',
      name: 'OPENAI_*',
      text: `export OPENAI_BASE_URL=${origin}/v1\nexport OPENAI_API_KEY=${key}`,
    },
  ];
}
