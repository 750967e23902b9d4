-- 0024_kobo_news.sql
-- What concerns every Kobo is counted at one place. A number in each device's row did not reach the row of a device whose very first
-- request was still being answered: it was told "nothing new" afterwards, until something else changed.

create table kobo_news (
  number bigint not null  -- grows when books have become ready for Kobos
);
insert into kobo_news values (0);
