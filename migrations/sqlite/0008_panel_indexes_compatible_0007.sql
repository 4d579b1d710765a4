-- Orders of the panels' lists that a sort of all rows would have to make each time.

create index users_created on users (created_at, id);
create index users_name on users (lower(username), id);
create index token_health_used on token_health (last_used_at, token_id);

-- A model that is seldom asked for is found without reading everybody's requests.
create index activity_model on activity (model, at, id);
-- The same for what went wrong for one member.
create index activity_user_status on activity (user_id, status, at, id) where status <> 200;
