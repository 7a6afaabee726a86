// The form that starts a run: sends it, shows what is wrong with it, and goes to the live page.

const post = async (address, body) => {
  const answer = await fetch(address, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({ detail: answer.statusText }));
    throw new Error(problem.detail);
  }
  return answer.json();
};

for (const form of document.querySelectorAll("form[data-start]")) {
  const problem = form.querySelector("[data-problem]");
  const button = form.querySelector("button[type=submit]");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    problem.textContent = "";
    button.disabled = true;
    const filled = [...new FormData(form)].filter(([, value]) => value.trim() !== "");
    try {
      await post("/api/v1/runs", Object.fromEntries(filled));
      window.location.assign("/live");
    } catch (error) {
      problem.textContent = error.message;
      button.disabled = false;
    }
  });
}
