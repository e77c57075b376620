SELECT latest.sku, earlier.price_cents AS earlier_cents, latest.price_cents AS latest_cents
FROM supplier_prices latest
JOIN supplier_prices earlier ON earlier.sku = latest.sku
WHERE latest.delivery = $1
  AND earlier.delivery = $2
  AND latest.price_cents <> earlier.price_cents
ORDER BY latest.sku
LIMIT 100
