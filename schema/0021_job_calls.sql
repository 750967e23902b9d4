-- 0021_job_calls.sql
-- Work that is called for again while it is being done: a job that looks for all that is to do may already have looked when its
-- caller's rows are committed, and would end without having seen them.

-- Who calls for a job holds its row shared until the end of the transaction: until then it neither begins nor ends.
create table job_calls (
  job_id uuid not null references jobs on delete cascade  -- the job ran at that time, and runs once more
);
create index job_calls_job on job_calls (job_id);

-- The job of that kind and key that begins, or goes on, after the caller's transaction. Rings when that is committed.
create function call_for_job(wanted_kind text, wanted_key text) returns uuid language plpgsql as $$
declare
  job uuid;
begin
  loop
    insert into jobs (id, kind, dedupe_key) values (gen_random_uuid(), wanted_kind, wanted_key)
        on conflict (kind, dedupe_key) where done_at is null and dedupe_key <> '' do nothing
    returning id into job;
    if job is null then
      with there as (select id, state from jobs where kind = wanted_kind and dedupe_key = wanted_key and done_at is null for key share),
           noted as (insert into job_calls select id from there where state = 'running')
      select id into job from there;
    end if;
    exit when job is not null;
  end loop;
  perform pg_notify('carrel_jobs', wanted_kind);
  return job;
end $$;

create or replace function look_for_wanted_books() returns void language sql as $$
  select call_for_job('kobo.kepub', 'wanted');
$$;
