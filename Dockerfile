# One node of KiroGate: built in one stage, run by another that has Node, what was built, and nothing to build with.
#
#   docker build -t kirogate .
#   docker run -p 8000:8000 -v kirogate-data:/data kirogate
#
# tests/deploy/dockerfile.test.ts carries out these steps without Docker; docs/operations.md says what that shows and what not.

FROM node:24.18.0-bookworm-slim AS base
WORKDIR /app

FROM base AS build
# SQLite is compiled against this very system, so that it runs in the last stage.
RUN apt-get update && apt-get install --yes --no-install-recommends g++ make python3 && rm -rf /var/lib/apt/lists/*
ENV npm_config_build_from_source=true npm_config_nodedir=/usr/local
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY . .
RUN npm run build
# What compiling needed goes too, and SQLite is loaded from what is left.
RUN npm prune --omit=dev --no-audit --no-fund && node scripts/slim.js && node --eval "require('sqlite3')"

FROM base
# The base image's own package managers and headers.
RUN rm -rf /usr/local/lib/node_modules /usr/local/include/node /opt/yarn-* \
  /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /usr/local/bin/yarn /usr/local/bin/yarnpkg
ENV NODE_ENV=production DATA_DIR=/data
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/migrations ./migrations
# Redis scripts are read from where they are written.
COPY --from=build /app/src/limits/lua ./src/limits/lua
COPY --from=build /app/src/events/log/lua ./src/events/log/lua
COPY --from=build /app/src/cluster/lua ./src/cluster/lua
COPY --from=build /app/bin ./bin
COPY --from=build /app/dist ./dist
RUN mkdir /data && chown node:node /data && ln -s /app/bin/kirogate.js /usr/local/bin/kirogate
USER node
VOLUME /data
EXPOSE 8000
# The first signal drains (docs/operations.md); give it longer than SHUTDOWN_TIMEOUT_SECONDS before the kill.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 8000}/health`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/main.js"]
