-- Kinds of work that wait as a whole, what comes later included, until somebody lets them go on (product.md 4.11).
create table job_holds (
  kind text primary key,
  at timestamptz not null default now()
);
create index jobs_of_kind on jobs (kind, done_at);
