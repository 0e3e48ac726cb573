// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Runs around the page, which is in a frame as wide as a screen; what it finds is left in this document for the test.

function luminance(rgb) {
	const [r, g, b] = rgb.map((value) => {
		const share = value / 255;
		return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
	});
	return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function numbers(colour) {
	return colour.match(/[\d.]+/g).map(Number);
}

// The nearest background below ELEMENT that can be seen.
function background(view, element) {
	for (let at = element; at; at = at.parentElement) {
		const rgba = numbers(view.getComputedStyle(at).backgroundColor);
		if (rgba.length === 3 || rgba[3] > 0)
			return rgba.slice(0, 3);
	}
	return [255, 255, 255];
}

function contrast(view, element) {
	const style = view.getComputedStyle(element);
	const own = numbers(element instanceof view.SVGElement ? style.fill : style.color).slice(0, 3);
	const [low, high] = [luminance(own), luminance(background(view, element))].sort((a, b) => a - b);
	return (high + 0.05) / (low + 0.05);
}

function hasWords(element) {
	return [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
}

// Pictures whose bars have not all the same width: their lengths say nothing then.
function uneven(page) {
	return [...page.querySelectorAll(".bars, .splits")].filter((one) => {
		const widths = [...one.querySelectorAll(".bar")].map((bar) => bar.getBoundingClientRect().width);
		return Math.max(...widths) - Math.min(...widths) > 1;
	}).map((one) => one.outerHTML.slice(0, 120));
}

// What lies on a bar and reaches out of it.
function beside(page) {
	return [...page.querySelectorAll(".bar > *")].filter((one) => {
		const own = one.getBoundingClientRect(), bar = one.parentElement.getBoundingClientRect();
		return own.left < bar.left - 1 || own.right > bar.right + 2.5;
	}).map((one) => one.outerHTML.slice(0, 120));
}

function measure(frame) {
	const page = frame.contentDocument, view = frame.contentWindow, width = page.documentElement.clientWidth;
	for (const one of page.querySelectorAll("details"))
		one.open = true;
	const shown = [...page.body.querySelectorAll("*")].filter((one) => one.getClientRects().length && !one.closest("thead"));
	const wide = shown.filter((one) => one.getBoundingClientRect().right > width + 0.5).map((one) => one.outerHTML.slice(0, 120));
	const worded = shown.filter((one) => hasWords(one) && one.tagName !== "TITLE" && one.tagName !== "DESC");
	const pale = worded.filter((one) => contrast(view, one) < (one.classList.contains("part") ? 3 : 4.5))
		.map((one) => `${contrast(view, one).toFixed(2)} ${one.outerHTML.slice(0, 120)}`);
	return {
		thin: worded.filter((one) => one.clientWidth && one.clientWidth < 24 && one.clientHeight > 72).map((one) => one.outerHTML.slice(0, 120)),
		uneven: uneven(page), beside: beside(page), width, scroll_width: page.documentElement.scrollWidth, wide, pale, words: worded.length,
		sections: Object.fromEntries([...page.querySelectorAll("section")].map((one) => [one.id, one.offsetHeight])),
		curves: page.querySelectorAll("svg .curve").length, tables: page.querySelectorAll("table").length,
		unnamed: [...page.querySelectorAll("[role=img]")].filter((one) => !one.getAttribute("aria-label") && !one.querySelector("title")).length,
		background: view.getComputedStyle(page.body).backgroundColor, smallest_px: Math.min(...worded.map((one) =>
			parseFloat(view.getComputedStyle(one).fontSize))),
	};
}

window.addEventListener("load", () => {
	const found = [...document.querySelectorAll("iframe")].map(measure);
	document.getElementById("found").textContent = JSON.stringify(found);
});
