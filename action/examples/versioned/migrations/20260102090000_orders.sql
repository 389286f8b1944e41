CREATE TABLE orders (
  id integer PRIMARY KEY,
  user_id integer NOT NULL REFERENCES users (id),
  total integer NOT NULL DEFAULT 0
);
CREATE INDEX orders_user ON orders (user_id);
