// Filters the table of encoders by the form above it. Without this script the table is there as a whole.
(() => {
  const field = (name) => document.getElementById(`encoder-${name}`);
  const fields = ["name", "size", "any-size", "pyramid", "weights"].map(field);
  const rows = [...document.querySelectorAll("#encoders tbody tr")];

  const matches = (row) => {
    const words = field("name").value.toLowerCase().split(/\s+/);
    const most = field("size").value;
    return (
      words.every((word) => row.dataset.name.includes(word)) &&
      (most === "" || Number(row.dataset.millions) <= Number(most)) &&
      (!field("any-size").checked || row.dataset.anySize === "1") &&
      (!field("pyramid").checked || row.dataset.pyramid === "1") &&
      (!field("weights").checked || row.dataset.weights === "1")
    );
  };

  const filter = () => {
    for (const row of rows) row.hidden = !matches(row);
    const shown = rows.filter((row) => !row.hidden).length;
    field("count").value = `${shown} of ${rows.length} encoders`;
  };

  for (const each of fields) each.addEventListener("input", filter);
  filter();
})();
