-- What each run has sent and nobody may know of but Redis (src/limits/home/sends.ts), as JSON: for the case that both go at once.

create table limits_sends (
  run_id text primary key,
  noted_at bigint not null,
  sends text not null
);
